//! Where a request goes.

/// A request's target, taken apart once.
pub struct Target {
    /// Scheme and host: where the client found us, and so where its links lead.
    pub origin: String,
    /// The path.
    pub path: String,
    /// The query, without its question mark.
    pub query: String,
}

impl Target {
    /// Of an absolute URL.
    pub fn of(url: &str) -> Self {
        let url = url.split('#').next().unwrap_or_default();
        let (address, query) = url.split_once('?').unwrap_or((url, ""));
        let host = address.find("://").map_or(0, |scheme| scheme + 3);
        let slash = address.get(host..).and_then(|rest| rest.find('/')).map_or(address.len(), |slash| host + slash);
        let (origin, path) = address.split_at_checked(slash).unwrap_or((address, ""));
        Self { origin: origin.to_owned(), path: path.to_owned(), query: query.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_taken_apart() {
        for (url, origin, path, query) in [
            ("https://e.x:1/v1/jobs?wait=1#f", "https://e.x:1", "/v1/jobs", "wait=1"),
            ("http://e.x", "http://e.x", "", ""),
            ("http://e.x/?a?b", "http://e.x", "/", "a?b"),
            ("nonsense", "nonsense", "", ""),
        ] {
            let target = Target::of(url);
            assert_eq!((target.origin.as_str(), target.path.as_str(), target.query.as_str()), (origin, path, query));
        }
    }
}
