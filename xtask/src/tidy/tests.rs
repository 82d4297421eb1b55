//! A small checkout in which all is well, and errors that are planted into it one by one.

use super::{Finding, Page, Rule, Tree, functions::LIST, look};

const README: &str = "# House\n\nSee [how](docs/how.md#the-way), `cargo xtask up --once` and `src/lib.rs`.\n\n\
                      | promise | test |\n| --- | --- |\n| It holds | `door_holds_the_wind` |\n";
const HOW: &str = "# How\n\n## The way\n\n`FOREBAY_DOOR` opens it; `forebay_doors_total` counts; `door_ms` says how long.\n\n\
                   ```sh\ncd house && cargo xtask up \\\n  --port 80\nFOREBAY_DOOR=1 forebay open --wide   # the door\n```\n";
const LIB: &str = "//! Opens, as `docs/how.md` says.\n\nfn open() {\n    let door_ms = read(\"FOREBAY_DOOR\");\n}\n";
const CLI: &str =
    "#[derive(Debug, Subcommand)]\nenum Command {\n    Open {\n        #[arg(long)]\n        wide: bool,\n    },\n}\n";
const METRICS: &str = "fn all() {\n    add(r, \"doors\", \"Doors\");\n}\n";

fn xtask() -> clap::Command {
    let port = clap::Arg::new("port").long("port").value_name("PORT");
    let once = clap::Arg::new("once").long("once").action(clap::ArgAction::SetTrue);
    clap::Command::new("xtask").subcommand(clap::Command::new("up").arg(port).arg(once))
}

/// The checkout with `path` made of `text`.
fn house(path: &str, text: &str) -> Tree {
    let sound = [
        ("README.md", README),
        ("docs/how.md", HOW),
        ("src/lib.rs", LIB),
        ("cli/src/arguments.rs", CLI),
        ("backend/src/metrics/mod.rs", METRICS),
        ("tests/e2e/promises/door_holds_the_wind.rs", "fn check() {}\n"),
        ("tests/e2e/promises/mod.rs", "mod door_holds_the_wind;\n"),
        (LIST, "# none\n"),
    ];
    let kept = sound.iter().filter(|(name, _)| *name != path).map(|(name, text)| Page::new(*name, *text));
    Tree::new(kept.chain([Page::new(path, text)]).collect(), &[])
}

fn found(path: &str, text: &str) -> Vec<Finding> {
    look(&house(path, text), &xtask(), &["# none\n".to_owned()])
}

/// That this rule finds exactly one thing, in this line, and in words that hold `what`. What is broken is often more than
/// one thing: a command that ran into another has options that it does not know.
#[track_caller]
fn finds((path, text): (&str, &str), (rule, line): (Rule, usize), what: &str) {
    let found = found(path, text);
    let texts: Vec<String> = found.iter().map(ToString::to_string).collect();
    let mut by_rule = found.iter().filter(|finding| finding.rule == rule);
    let (Some(finding), None) = (by_rule.next(), by_rule.next()) else { panic!("{texts:?}") };
    let place = if rule == Rule::Promise { "README.md" } else { path };
    assert_eq!((finding.path.as_str(), finding.line), (place, line), "{texts:?}");
    assert!(finding.what.contains(what), "{texts:?} does not say {what}");
}

#[test]
fn nothing_is_found_where_all_is_well() {
    assert_eq!(found("README.md", README), []);
}

#[test]
fn a_file_that_is_gone_is_found_in_documents_and_in_comments() {
    finds(("docs/how.md", &HOW.replace("`door_ms`", "`src/door.rs`")), (Rule::Path, 5), "src/door.rs");
    finds(("src/lib.rs", &LIB.replace("`docs/how.md` says", "docs/why.md says")), (Rule::Path, 1), "docs/why.md");
    finds(("docs/how.md", &HOW.replace("`door_ms`", "`src/{lib,\nroof}.rs`")), (Rule::Path, 5), "src/roof.rs");
}

#[test]
fn a_link_that_leads_nowhere_is_found() {
    finds(("README.md", &README.replace("docs/how.md#", "docs/who.md#")), (Rule::Link, 3), "docs/who.md");
    finds(("README.md", &README.replace("#the-way", "#the-end")), (Rule::Link, 3), "#the-end");
}

#[test]
fn a_command_that_does_not_exist_is_found() {
    finds(("README.md", &README.replace("up --once", "down")), (Rule::Command, 3), "xtask down");
    finds(
        ("src/lib.rs", &LIB.replace("//! Opens", "//! Run cargo xtask\u{20}down. Opens")),
        (Rule::Command, 1),
        "xtask down",
    );
    finds(("docs/how.md", &HOW.replace("forebay open", "forebay close")), (Rule::Command, 10), "forebay close");
}

#[test]
fn an_option_that_does_not_exist_is_found() {
    finds(("README.md", &README.replace("--once", "--twice")), (Rule::Command, 3), "--twice");
    finds(("docs/how.md", &HOW.replace("--port 80", "--gate 80")), (Rule::Command, 8), "--gate");
    finds(("docs/how.md", &HOW.replace("--wide", "--narrow")), (Rule::Command, 10), "--narrow");
    finds(("docs/how.md", &HOW.replace("`door_ms`", "`--ajar`")), (Rule::Command, 5), "--ajar");
}

#[test]
fn a_promise_that_the_readme_lacks_or_invents_is_found() {
    finds(("tests/e2e/promises/roof_holds_the_rain.rs", "fn check() {}\n"), (Rule::Promise, 5), "roof_holds_the_rain");
    let invented = README.replace("`door_holds_the_wind`", "`door_holds_the_wind`, `wall_holds_the_roof`");
    finds(("README.md", &invented), (Rule::Promise, 7), "wall_holds_the_roof");
}

#[test]
fn a_name_that_the_code_does_not_know_is_found() {
    finds(("docs/how.md", &HOW.replace("`door_ms`", "`door_s_ago`")), (Rule::Name, 5), "door_s_ago");
}

#[test]
fn a_setting_that_nothing_reads_is_found() {
    finds(("docs/how.md", &HOW.replace("`FOREBAY_DOOR`", "`FOREBAY_GATE`")), (Rule::Setting, 5), "FOREBAY_GATE");
    finds(("docs/how.md", &HOW.replace("FOREBAY_DOOR=1", "FOREBAY_GATE=1")), (Rule::Setting, 10), "FOREBAY_GATE");
}

#[test]
fn a_metric_that_is_not_exported_is_found() {
    finds(("docs/how.md", &HOW.replace("doors_total", "gates_total")), (Rule::Metric, 5), "forebay_gates_total");
    let table = "| metric (`forebay_…`) | what |\n| --- | --- |\n| `doors_total`, `gates` | Doors |\n";
    finds(("docs/metrics.md", table), (Rule::Metric, 3), "forebay_gates");
}

#[test]
fn a_page_that_leaves_out_a_command_a_metric_or_a_setting_is_found() {
    finds(("xtask/README.md", "# Commands\n"), (Rule::Command, 1), "leaves out cargo xtask\u{20}up");
    finds(("backend/README.md", "# Metrics\n\n`doorways_total`\n"), (Rule::Metric, 1), "leaves out doors");
    let config = Page::new("edge/src/config.rs", "fn read() {\n    set(\"EDGE_DOOR\");\n}\n");
    let page = Page::new("edge/README.md", "# Edge\n\n`EDGE_DOOR_MS`\n");
    let found = look(&Tree::new(vec![config, page], &[]), &xtask(), &[]);
    assert!(
        found.iter().any(|found| found.rule == Rule::Setting && found.what.contains("leaves out EDGE_DOOR")),
        "{found:?}"
    );
}

#[test]
fn an_action_that_is_not_pinned_is_found() {
    let commit = "0123456789abcdef0123456789abcdef01234567";
    let text = format!("steps:\n  - uses: a/b@{commit} # v1\n  - uses: ./.github/actions/c\n");
    assert_eq!(found(".github/workflows/ci.yml", &text), []);
    finds((".github/workflows/ci.yml", &text.replace(commit, "v1")), (Rule::Pin, 2), "a/b@v1");
}

#[test]
fn stages_in_another_order_than_the_codes_are_found() {
    let code = "async fn submit() {\n    // knock: who is there\n    // open: let in\n    // note: the cat too\n}\n";
    let page = "```\nedge/src/handlers/submit/mod.rs\n  knock  at the door\n         twice\n  open   it\n  note   it\n```\n\n\
                | stage | costs |\n| --- | --- |\n| knock, open | nothing |\n| note | ink |\n";
    let lines = |page: &str| {
        let pages = [Page::new("edge/src/handlers/submit/mod.rs", code), Page::new("ARCHITECTURE.md", page)];
        let found = look(&Tree::new(pages.into(), &[]), &xtask(), &[]);
        found.iter().filter(|found| found.rule == Rule::Name).map(|found| found.line).collect::<Vec<_>>()
    };
    assert_eq!(lines(page), [0; 0]);
    assert_eq!(lines(&page.replace("knock, open", "open, knock")), [11]);
    assert_eq!(lines(&page.replace("  note   it\n", "")), [5]);
}

#[test]
fn a_block_that_lost_its_line_breaks_is_found() {
    let lost = HOW.replace("\\\n  --port 80\nFOREBAY_DOOR=1", "\\ --port 80\nFOREBAY_DOOR=1");
    finds(("docs/how.md", &lost), (Rule::Shell, 8), "line breaks are lost");
    finds(("docs/how.md", &HOW.replace("cd house &&", "cd house")), (Rule::Shell, 8), "cargo stands behind cd");
    let set = HOW.replace("--port 80\nFOREBAY_DOOR=1 forebay", "--port 80 FOREBAY_DOOR=1\nforebay");
    finds(("docs/how.md", &set), (Rule::Shell, 9), "FOREBAY_DOOR=1 stands behind cargo");
    finds(("docs/how.md", &HOW.replace("FOREBAY_DOOR=1", "same")), (Rule::Shell, 10), "same begins a command");
}

#[test]
fn a_block_that_the_shell_cannot_read_is_found() {
    finds(("docs/how.md", &HOW.replace("forebay open", "forebay open \"wide")), (Rule::Shell, 8), "cannot read");
}

#[test]
fn a_line_that_is_too_long_is_found() {
    let long = format!("{}\n", "door ".repeat(30));
    finds(("docs/how.md", &format!("{HOW}{long}")), (Rule::Line, 12), "149 columns");
    finds(("src/lib.rs", &format!("{LIB}// {long}")), (Rule::Line, 6), "152 columns");
    // Rows, links and strings cannot be broken.
    let unbreakable = format!("| {} |\n[{}](how.md)\n", long.trim(), long.trim());
    assert_eq!(found("docs/what.md", &unbreakable), []);
    assert_eq!(found("src/lib.rs", &format!("{LIB}const DOORS: &str = \"{}\";\n", long.trim())), []);
}

#[test]
fn a_function_that_is_too_long_is_found_and_an_exception_only_gets_smaller() {
    let of = |lines: usize| format!("{LIB}fn build() {{\n{}}}\n", "    lay();\n".repeat(lines - 2));
    assert_eq!(found("src/lib.rs", &of(70)), []);
    finds(("src/lib.rs", &of(71)), (Rule::Function, 6), "build has 71 lines");

    let listed = |list: &str, before: &str, lines: usize| {
        let mut pages: Vec<Page> =
            house("src/lib.rs", &of(lines)).pages().iter().map(|page| Page::new(&page.path, &page.text)).collect();
        pages.retain(|page| page.path != LIST);
        pages.push(Page::new(LIST, list));
        look(&Tree::new(pages, &[]), &xtask(), &[before.to_owned()]).iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let (here, there) = ("src/lib.rs build 80\n", "src/old.rs build 90\n");
    assert_eq!(listed(here, here, 80), [""; 0]);
    assert_eq!(listed(here, there, 80), [""; 0], "a function may move and get shorter");
    assert_eq!(listed(here, here, 81), ["src/lib.rs:6: function: build has grown from 80 lines to 81"]);
    assert!(listed(here, here, 79)[0].contains("has 79 lines by now"));
    assert!(listed(here, here, 70)[0].contains("remove this"));
    assert!(listed(here, "# none\n", 80)[0].contains("the list is closed"));
}
