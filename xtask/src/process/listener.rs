use std::{collections::HashSet, fs, path::Path};

/// Whether some process of `group` listens on the TCP port; `None` where the system does not tell (no `/proc`).
///
/// An answer on a port says that somebody is there; this says who.
pub(super) fn is_of_group(group: u32, port: u16) -> Option<bool> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|table| fs::read_to_string(table).unwrap_or_default());
    if tables.iter().all(String::is_empty) {
        return None;
    }
    let sockets: HashSet<String> = tables.iter().flat_map(|table| listening(table, port)).collect();
    let processes = fs::read_dir("/proc").ok()?.flatten().map(|entry| entry.path());
    let mut own = processes.filter(|process| group_of(process) == Some(group));
    Some(own.any(|process| holds(&process, &sockets)))
}

/// The sockets that listen on `port`, as links of a process's files name them.
fn listening(table: &str, port: u16) -> impl Iterator<Item = String> {
    // number, local address, remote address, state (0A: listens), queues, timer, retransmits, user, timeout, inode
    let end = format!(":{port:04X}");
    table.lines().filter_map(move |line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let listens = fields.get(1)?.ends_with(&end) && *fields.get(3)? == "0A";
        listens.then(|| fields.get(9).map(|inode| format!("socket:[{inode}]"))).flatten()
    })
}

/// A process's group: the third field behind its name, which may hold anything.
fn group_of(process: &Path) -> Option<u32> {
    let stat = fs::read_to_string(process.join("stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(2)?.parse().ok()
}

fn holds(process: &Path, sockets: &HashSet<String>) -> bool {
    let Ok(files) = fs::read_dir(process.join("fd")) else { return false };
    let links = files.flatten().filter_map(|file| fs::read_link(file.path()).ok());
    links.into_iter().any(|link| link.to_str().is_some_and(|link| sockets.contains(link)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listening_sockets_of_the_port_count() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
             0: 0100007F:2253 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0 100 0 0\n\
             1: 0100007F:2253 0100007F:9999 01 00000000:00000000 00:00000000 00000000  1000        0 4712 1 0 100 0 0\n\
             2: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4713 1 0 100 0 0\n";
        assert_eq!(listening(table, 8787).collect::<Vec<_>>(), ["socket:[4711]"]);
    }
}
