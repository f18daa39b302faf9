//! Keys and the hosts to which they may be sent, as given on the command line.

use pbpo_outside::judge::is_variable;
use std::net::IpAddr;
use std::str::FromStr;

use ureq::http::Uri;

/// One host that may be sent one key: `NAME@HOST[:PORT]` over https, or on this machine; `NAME@http://HOST[:PORT]` also
/// over plain http.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendKey {
    pub(crate) name: String,
    site: Site,
    /// True if a scheme was written.
    any_scheme: bool,
}

impl FromStr for SendKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "write NAME@HOST, as in OPENAI_API_KEY@api.example.com, NAME@localhost:8000 or NAME@http://10.0.0.2:8000";
        let (name, place) = text.split_once('@').ok_or_else(wrong)?;
        if !is_variable(name) {
            return Err(format!("the part before @ is no name of an environment variable: {}", wrong()));
        }
        let any_scheme = !place.contains("://");
        let address = if any_scheme { format!("https://{place}") } else { place.to_owned() };
        let uri: Uri = address.parse().map_err(|_| wrong())?;
        let site = Site::of(&uri).filter(|_| matches!(uri.path(), "" | "/") && !place.contains(['@', '?', '#']));
        Ok(Self { name: name.to_owned(), site: site.ok_or_else(wrong)?, any_scheme })
    }
}

impl SendKey {
    /// Tells whether a host is the one that may have the key.
    pub(crate) fn covers(&self, site: &Site) -> bool {
        let written = &self.site;
        let port = written.port.or(if self.any_scheme && site.plain { Some(80) } else { None });
        let same = written.host == site.host && port.unwrap_or(written.port()) == site.port();
        same && if self.any_scheme { !site.plain || site.is_local() } else { written.plain == site.plain }
    }
}

/// A server: scheme, host and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Site {
    /// True for http, false for https.
    pub plain: bool,
    /// The host in lower case, without the full stop that may end it.
    pub host: String,
    port: Option<u16>,
}

impl Site {
    pub fn of(uri: &Uri) -> Option<Self> {
        let plain = match uri.scheme_str()? {
            "http" => true,
            "https" => false,
            _ => return None,
        };
        let host = uri.host().filter(|host| !host.is_empty())?.trim_end_matches('.').to_ascii_lowercase();
        Some(Self { plain, host, port: uri.port_u16() })
    }

    fn port(&self) -> u16 {
        self.port.unwrap_or(if self.plain { 80 } else { 443 })
    }

    /// Tells whether two sites have the same scheme, host and port.
    pub fn is(&self, other: &Self) -> bool {
        (self.plain, &self.host, self.port()) == (other.plain, &other.host, other.port())
    }

    /// Tells whether the site is this machine.
    pub fn is_local(&self) -> bool {
        let address = self.host.trim_start_matches('[').trim_end_matches(']');
        self.host == "localhost" || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// Tells whether others on the network can read the traffic.
    pub fn is_open(&self) -> bool {
        self.plain && !self.is_local()
    }

    /// Returns host and port, as [`SendKey`] reads them.
    pub fn written(&self) -> String {
        let scheme = if self.is_open() { "http://" } else { "" };
        let port = self.port.map_or(String::new(), |port| format!(":{port}"));
        format!("{scheme}{}{port}", self.host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(url: &str) -> Site {
        Site::of(&url.parse().unwrap()).unwrap()
    }

    #[test]
    fn a_grant_is_for_one_name_and_one_host() {
        let covers = |grant: &str, url: &str| grant.parse::<SendKey>().unwrap().covers(&site(url));
        for (grant, url, covered) in [
            ("K@h.example", "https://h.example/v1", true),
            ("K@H.example", "https://h.EXAMPLE:443/v1", true),
            ("K@h.example", "http://h.example/v1", false),
            ("K@h.example", "https://h.example:8443/v1", false),
            ("K@h.example", "https://evil.h.example/v1", false),
            ("K@h.example", "https://h.example.evil/v1", false),
            ("K@http://h.example:80", "http://h.example/v1", true),
            ("K@http://h.example", "https://h.example/v1", false),
            ("K@127.0.0.1:8000", "http://127.0.0.1:8000/v1", true),
            ("K@localhost", "http://localhost/v1", true),
            ("K@[::1]:9", "http://[::1]:9/v1", true),
            ("K@127.0.0.1:8000", "http://127.0.0.1:8001/v1", false),
            ("K@10.0.0.2:8000", "http://10.0.0.2:8000/v1", false),
        ] {
            assert_eq!(covers(grant, url), covered, "{grant} {url}");
        }
        // The spelling that a message suggests can be read back.
        for url in ["http://10.0.0.2:8000/v1", "https://h:8443/v1", "http://localhost:1/v1", "https://h/v1"] {
            assert!(covers(&format!("K@{}", site(url).written()), url), "{url}");
        }
        for wrong in ["K", "@h", "K@", "sk-1@h", "K@ftp://h", "K@h/v1", "K@h@i", "K@h?x"] {
            assert!(wrong.parse::<SendKey>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn this_machine_has_some_names() {
        for local in ["http://localhost", "http://LOCALHOST.:1", "http://127.3.2.1", "http://[::1]:8"] {
            assert!(site(local).is_local(), "{local}");
        }
        for other in ["http://127.0.0.1.example", "http://localhost.example", "http://10.0.0.1", "http://0.0.0.0"] {
            assert!(!site(other).is_local(), "{other}");
        }
    }
}
