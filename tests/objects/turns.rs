//! The platform's own SQLite: what statements give, and what is written together.

use forebay_account::platform::{Error, Rows, Value};

use crate::native::Disk;

fn plain(disk: &Disk, statement: &str, values: Vec<Value>) -> String {
    disk.sql(statement, values, Rows::Plain).unwrap()
}

#[test]
fn rows_are_told_as_javascript_writes_them() {
    let disk = Disk::new();
    let row =
        "SELECT 1.0 AS whole, 2.5 AS real, 1e21 AS large, 9007199254740993 AS exact, 'a\"b' AS text, NULL AS none";
    let named = r#"[{"whole":1,"real":2.5,"large":1e+21,"exact":9007199254740992,"text":"a\"b","none":null}]"#;
    assert_eq!(disk.sql(row, Vec::new(), Rows::Named).unwrap(), named);
    assert_eq!(plain(&disk, "SELECT ? AS a, ? AS b", vec![Value::Integer(7), Value::Null]), "[[7,null]]");
    // JavaScript has doubles alone: what has no column's type stays one.
    assert_eq!(plain(&disk, "SELECT typeof(?) AS t", vec![Value::Integer(7)]), r#"[["real"]]"#);
}

#[test]
fn a_turn_is_written_whole_or_not_at_all_and_its_alarm_with_it() {
    let disk = Disk::new();
    plain(&disk, "CREATE TABLE a (n INTEGER)", Vec::new());
    for (commits, expect) in [(false, ("[[0]]", None)), (true, ("[[1]]", Some(9)))] {
        disk.begin();
        plain(&disk, "INSERT INTO a VALUES (?)", vec![Value::Integer(1)]);
        disk.set_alarm(Some(9)).unwrap();
        if commits {
            assert!(disk.commit());
        } else {
            disk.roll_back();
        }
        assert_eq!((plain(&disk, "SELECT count(*) AS n FROM a", Vec::new()).as_str(), disk.alarm_ms()), expect);
    }
}

#[test]
fn a_full_object_takes_nothing_and_deletes() {
    let disk = Disk::new();
    plain(&disk, "CREATE TABLE a (n INTEGER); INSERT INTO a VALUES (1)", Vec::new());
    assert!(disk.stored_bytes() >= 4_096);
    disk.limit_bytes(Some(4_096));
    assert!(matches!(disk.sql("INSERT INTO a VALUES (2)", Vec::new(), Rows::Plain), Err(Error::Full(_))));
    assert!(matches!(disk.set_alarm(Some(1)), Err(Error::Full(_))));
    plain(&disk, "DELETE FROM a", Vec::new());
    disk.pretend_bytes(Some(100));
    plain(&disk, "INSERT INTO a VALUES (2)", Vec::new());
}

#[test]
fn several_statements_are_made_together_or_not_at_all() {
    let disk = Disk::new();
    let exec = |statement: &str| disk.sql(statement, Vec::new(), Rows::Plain);
    exec("CREATE TABLE a (x INTEGER);").unwrap();
    exec("ALTER TABLE a ADD COLUMN y INTEGER; CREATE INDEX none ON nowhere(x);").unwrap_err();
    // The first of them can be made again.
    exec("ALTER TABLE a ADD COLUMN y INTEGER; CREATE INDEX a_by_y ON a(y);").unwrap();
}
