use std::{
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    path::Path,
};

/// How far back a tail looks.
const WINDOW: u64 = 64 * 1024;

/// The last `count` lines of a file; empty when it cannot be read.
pub fn tail(path: &Path, count: usize) -> Vec<String> {
    let text = read_end(path).unwrap_or_default();
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines.iter().skip(lines.len().saturating_sub(count)).map(|line| shorten(line)).collect()
}

fn read_end(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(WINDOW)))?;
    let mut bytes = Vec::new();
    file.take(WINDOW).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Progress bars overwrite their line with carriage returns: only what was last to be seen counts. One line is bounded.
fn shorten(line: &str) -> String {
    let visible = line.trim_end().rsplit('\r').next().unwrap_or_default();
    visible.chars().take(400).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_is_the_last_lines_as_a_terminal_would_show_them() {
        let path = std::env::temp_dir().join(format!("forebay-tail-{}", std::process::id()));
        std::fs::write(&path, "one\ntwo\n\n10%\r20%\r30%\nlast\n").unwrap();
        assert_eq!(tail(&path, 2), ["30%", "last"]);
        assert_eq!(tail(&path, 9), ["one", "two", "30%", "last"]);
        std::fs::remove_file(&path).unwrap();
        assert!(tail(&path, 3).is_empty());
    }
}
