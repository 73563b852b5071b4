//! Which route a path belongs to. Pure.

use crate::config;

/// All routes, in the order of the configuration.
#[derive(Debug)]
pub struct Table(Vec<config::Route>);

/// A path that two programs could read differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ambiguous;

impl Table {
    /// The routes of a configuration.
    pub fn new(routes: &[config::Route]) -> Self {
        Self(routes.to_vec())
    }

    /// What actix is to match, with each route's index.
    pub fn patterns(&self) -> impl Iterator<Item = (usize, String)> + '_ {
        self.0.iter().enumerate().map(|(i, route)| (i, pattern(&route.prefix)))
    }

    /// A route by its index.
    pub fn get(&self, index: usize) -> Option<&config::Route> {
        self.0.get(index)
    }
}

/// Any one segment.
pub const ANY: &str = "*";
/// Any one segment, which no answer repeats; actix's own word for a variable of this name, so that it is looked for by it.
pub const SECRET: &str = "{secret}";

/// A segment that is `*` is any one segment.
fn pattern(prefix: &str) -> String {
    let segments = prefix.split('/').enumerate();
    let segments =
        segments.map(|(at, segment)| if segment == ANY { format!("{{any{at}}}") } else { segment.to_owned() });
    let path = segments.collect::<Vec<_>>().join("/");
    if path.ends_with('/') { format!("{path}{{rest:.*}}") } else { path }
}

/// Refuses what a client could use to make the gateway see one path and the service another.
///
/// # Errors
/// For empty, `.` and `..` segments, encoded slashes, dots and NULs, and backslashes.
pub fn unambiguous(path: &str) -> Result<(), Ambiguous> {
    const ENCODED: [&str; 5] = ["%2f", "%5c", "%2e", "%00", "%25"];
    let lower = path.to_ascii_lowercase();
    let odd_segment = path.contains("//") || path.split('/').any(|segment| matches!(segment, "." | ".."));
    if odd_segment || path.contains('\\') || ENCODED.iter().any(|code| lower.contains(code)) {
        return Err(Ambiguous);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_one_segment() {
        let matches = |prefix, path| actix_web::dev::ResourceDef::new(pattern(prefix)).is_match(path);
        assert!(matches("/a/*/b/", "/a/7/b/") && matches("/a/*/b/", "/a/7/b/8/") && matches("/a/*/*/b", "/a/7/8/b"));
        assert!(matches("/a/{secret}/b", "/a/7/b") && !matches("/a/{secret}/b", "/a/7/8/b"));
        assert!(!matches("/a/*/b/", "/a/7/8/b/") && !matches("/a/*/b/", "/a/7/c/") && !matches("/a/*/b/", "/a//b/"));
    }

    #[test]
    fn plain_paths_are_unambiguous() {
        for path in ["/", "/a", "/a/", "/a/b.ics", "/a/%20b/", "/.well-known/jwks.json"] {
            assert_eq!(unambiguous(path), Ok(()), "{path}");
        }
    }

    #[test]
    fn what_can_be_read_two_ways_is_refused() {
        for path in [
            "//",
            "/a//b",
            "/a/../b",
            "/a/./b",
            "/..",
            "/a/%2e%2e/b",
            "/a%2Fb",
            "/a%5cb",
            "/a\\b",
            "/a%00",
            "/a//",
            "/%252e",
        ] {
            assert_eq!(unambiguous(path), Err(Ambiguous), "{path}");
        }
    }
}
