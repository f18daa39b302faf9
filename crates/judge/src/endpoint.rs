//! The address of a server and its key, from settings, environment and command line. The key is never shown, and goes
//! only to the host it belongs to: a file alone cannot send it elsewhere.

use pbpo_outside::judge::is_variable;
use serde_json::Value;
use ureq::http::Uri;

use crate::Error;
use crate::grant::{SendKey, Site};
use crate::secret::Secret;

/// The variable from which a key is read if the settings name none.
const KEY: &str = "OPENAI_API_KEY";
const BASE_URL: &str = "OPENAI_BASE_URL";
/// The host that `KEY` belongs to.
const OPENAI: &str = "https://api.openai.com/v1";

/// The destination of requests.
pub(crate) struct Endpoint {
    pub uri: Uri,
    /// The variable that holds the key, or would hold it.
    key_name: String,
    key: Option<Secret>,
    site: Site,
    /// A note for the user: a key that is set but not sent.
    pub notice: Option<String>,
}

impl Endpoint {
    /// Makes an endpoint. `url` ends with `/v1`, with or without `path` (`/chat/completions`) after it; `None` means
    /// `OPENAI_BASE_URL`, else OpenAI. `key_name` is a variable that must be set; `None` means the one that `grants`
    /// name for the host, else `OPENAI_API_KEY`, if it is set. A key goes to a host that `grants` name for it; the key
    /// in `OPENAI_API_KEY` also goes to OpenAI over https, and to the host of `OPENAI_BASE_URL` over https or on this
    /// machine.
    pub fn new(
        url: Option<&str>,
        key_name: Option<&str>,
        path: &str,
        grants: &[SendKey],
        env: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, Error> {
        let set = |name: &str| env(name).filter(|value| !value.is_empty());
        let (url, source) = match (url, set(BASE_URL)) {
            (Some(url), _) => (url.to_owned(), "the judge's `url`"),
            (None, Some(url)) => (url, BASE_URL),
            (None, None) => (OPENAI.to_owned(), "the default url"),
        };
        let (uri, site) = parse(&url, path, source)?;
        if !key_name.is_none_or(is_variable) {
            return Err(Error::new("the judge's `key` is no name of an environment variable")
                .help("it names the variable that holds the key, such as OPENAI_API_KEY, and never the key itself"));
        }
        let granted = grants.iter().filter(|grant| grant.covers(&site)).map(|grant| grant.name.as_str());
        let granted: Vec<&str> = granted.collect();
        let name = key_name.or(granted.first().copied()).unwrap_or(KEY);
        let key = set(name);
        if key.is_none() && (key_name.is_some() || granted.contains(&name)) {
            return Err(Error::new(format!("the environment variable {name} is not set"))
                .help("the judge's `key`, or the command line, names it as the place of the key"));
        }
        if key.as_ref().is_some_and(|key| !key.chars().all(|c| c.is_ascii_graphic())) {
            return Err(Error::new(format!("the environment variable {name} holds blanks or letters that no key has")));
        }
        let address = |url: &str| parse(url, path, "").ok().map(|(_, site)| site);
        let base = set(BASE_URL).as_deref().and_then(address);
        let owners = [address(OPENAI), base].into_iter().flatten();
        let owned = name == KEY && !site.is_open() && owners.into_iter().any(|owner| owner.is(&site));
        let sent = owned || granted.contains(&name);
        let mut endpoint = Self { uri, key_name: name.to_owned(), key: key.map(Secret), site, notice: None };
        if endpoint.key.is_some() && !sent {
            let withheld = endpoint.withheld();
            if key_name.is_some() {
                return Err(Error::new(withheld).help(format!("if it may have the key: {}", endpoint.flag())));
            }
            endpoint.notice = Some(format!("{withheld}; to send it: {}", endpoint.flag()));
            endpoint.key = None;
        }
        Ok(endpoint)
    }

    fn withheld(&self) -> String {
        let openly = if self.site.is_open() { " over plain http" } else { "" };
        format!("the key in {} is not sent to {}{openly}: a file alone can't send it there", self.key_name, self.host())
    }

    /// Returns the command-line option that allows the key.
    fn flag(&self) -> String {
        format!("`pbpoc run --send-key {}@{} ...`", self.key_name, self.site.written())
    }

    pub fn authorization(&self) -> Option<String> {
        self.key.as_ref().map(|key| format!("Bearer {}", key.0))
    }

    /// Returns advice for a server that wants another key.
    pub fn key_help(&self) -> String {
        match (&self.key, &self.notice) {
            (None, Some(_)) => format!("no key was sent: {} sends the one in {}", self.flag(), self.key_name),
            _ => format!("put a key that may use this model into {}", self.key_name),
        }
    }

    /// Returns scheme, host and path, for messages.
    pub fn shown(&self) -> String {
        format!("{}://{}{}", self.uri.scheme_str().unwrap_or("http"), self.host(), self.uri.path())
    }

    fn host(&self) -> &str {
        self.uri.authority().map_or("", |authority| authority.as_str())
    }

    /// Tells whether the server is on this machine, so that no proxy is used.
    pub fn is_local(&self) -> bool {
        self.site.is_local()
    }

    /// Returns a server's text without the key, in case the server repeats it.
    pub fn redact(&self, text: &str) -> String {
        self.key.as_ref().map_or_else(|| text.to_owned(), |key| key.hide(text))
    }

    /// Returns a reply without the key.
    pub fn redact_in(&self, reply: Value) -> Value {
        match &self.key {
            Some(key) => key.hide_in(reply),
            None => reply,
        }
    }
}

/// Returns a checked address. No message quotes it, because it may hold secrets.
fn parse(url: &str, path: &str, source: &str) -> Result<(Uri, Site), Error> {
    let wrong = |what: &str| {
        let example = format!("http://localhost:8000/v1, or in full http://localhost:8000/v1{path}");
        Error::new(format!("{source} {what}")).help(format!("write it like {example}"))
    };
    let (address, query) = url.split_once('?').map_or((url, None), |(address, query)| (address, Some(query)));
    let base = address.trim_end_matches('/');
    let whole = if base.ends_with(path) { base.to_owned() } else { format!("{base}{path}") };
    let whole = query.map_or(whole.clone(), |query| format!("{whole}?{query}"));
    let uri: Uri = whole.parse().map_err(|_| wrong("is no URL"))?;
    let site = Site::of(&uri).ok_or_else(|| wrong("does not begin with http:// or https:// and a host"))?;
    if url.contains('#') {
        return Err(wrong("has a #, and what follows it is never sent"));
    }
    let secret = query.is_some_and(pbpo_outside::address::names_a_secret);
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) || secret {
        return Err(Error::new(format!("{source} holds a key or a password"))
            .help(format!("take it out, put the key into {KEY} or a variable that `key` names")));
    }
    Ok((uri, site))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(url: Option<&str>, key_name: Option<&str>, env: &[(&str, &str)]) -> Result<Endpoint, Error> {
        let look = |name: &str| env.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_string());
        Endpoint::new(url, key_name, "/chat/completions", &[], look)
    }

    /// Returns the key that goes to a url, with what the command line grants.
    fn sent(url: &str, name: Option<&str>, grants: &[&str], env: &[(&str, &str)]) -> Result<Option<String>, String> {
        let look = |name: &str| env.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_string());
        let grants: Vec<SendKey> = grants.iter().map(|grant| grant.parse().unwrap()).collect();
        let endpoint = Endpoint::new(Some(url), name, "/chat/completions", &grants, look);
        endpoint.map(|endpoint| endpoint.authorization()).map_err(|error| error.to_string())
    }

    #[test]
    fn the_address_is_completed() {
        let shown = |url, env: &[(&str, &str)]| endpoint(url, None, env).unwrap().shown();
        assert_eq!(shown(None, &[]), "https://api.openai.com/v1/chat/completions");
        assert_eq!(shown(None, &[(BASE_URL, "http://h:1/v1/")]), "http://h:1/v1/chat/completions");
        assert_eq!(shown(Some("http://h/v1/chat/completions"), &[]), "http://h/v1/chat/completions");
        let azure = endpoint(Some("https://h/openai?api-version=1"), None, &[]).unwrap();
        assert_eq!(azure.uri.to_string(), "https://h/openai/chat/completions?api-version=1");
    }

    #[test]
    fn secrets_in_the_address_are_refused_and_not_quoted() {
        for url in [
            "http://me:hunter2@h/v1",
            "https://h/v1?api_key=hunter2",
            "hunter2",
            "ftp://hunter2/v1",
            "http://h/v1#hunter2",
        ] {
            let error = endpoint(Some(url), None, &[]).err().unwrap().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_key_goes_to_the_host_it_belongs_to() {
        let bearer = |key: &str| Ok(Some(format!("Bearer {key}")));
        let (env, own) = ([(KEY, "k-openai"), ("MINE", "k-mine")], "https://api.openai.com/v1");
        let based = |url| [(KEY, "k-openai"), (BASE_URL, url)];
        assert_eq!(sent(own, None, &[], &env), bearer("k-openai"));
        assert_eq!(sent(own, Some(KEY), &[], &env), bearer("k-openai"));
        assert_eq!(sent("https://h/v1", None, &[], &based("https://h/v1")), bearer("k-openai"));
        assert_eq!(sent("http://localhost:1/v1", None, &[], &based("http://localhost:1/v1")), bearer("k-openai"));
        // A file alone sends the key to no other host.
        for url in ["https://h/v1", "http://localhost:1/v1", "http://api.openai.com/v1", "https://api.openai.com:99/v1"]
        {
            assert_eq!(sent(url, None, &[], &env), Ok(None), "{url}");
            assert!(sent(url, Some(KEY), &[], &env).unwrap_err().contains("--send-key OPENAI_API_KEY@"), "{url}");
        }
        assert_eq!(sent("http://h/v1", None, &[], &based("http://h/v1")), Ok(None));
        assert_eq!(sent("https://h/v1", None, &[], &based("https://i/v1")), Ok(None));
        // A key of another name needs the command line for every host.
        for (url, flag) in [
            (own, "MINE@api.openai.com"),
            ("https://h:99/v1", "MINE@h:99"),
            ("http://127.0.0.1:1/v1", "MINE@127.0.0.1:1"),
            ("http://h/v1", "MINE@http://h"),
        ] {
            let error = sent(url, Some("MINE"), &["MINE@other", "OTHER@h"], &env).unwrap_err();
            assert!(error.contains(&format!("--send-key {flag} ")) && !error.contains("k-mine"), "{error}");
            assert_eq!(sent(url, Some("MINE"), &[flag], &env), bearer("k-mine"));
            assert_eq!(sent(url, None, &[flag], &env), bearer("k-mine"));
        }
        assert!(sent("https://h/v1", None, &["ABSENT@h"], &env).unwrap_err().contains("ABSENT is not set"));
    }

    #[test]
    fn a_key_that_stays_here_is_told() {
        let endpoint = endpoint(Some("http://localhost:8000/v1"), None, &[(KEY, "k-openai")]).unwrap();
        let notice = endpoint.notice.clone().unwrap();
        assert!(
            notice.contains("--send-key OPENAI_API_KEY@localhost:8000 ") && !notice.contains("k-openai"),
            "{notice}"
        );
        assert!(endpoint.key_help().contains("--send-key"));
    }

    #[test]
    fn the_name_of_a_key_is_no_key() {
        let key = |name, env: &[(&str, &str)]| endpoint(None, name, env).map(|endpoint| endpoint.authorization());
        assert_eq!(key(None, &[]), Ok(None));
        assert!(key(Some("MINE"), &[(KEY, "k")]).unwrap_err().message.contains("MINE is not set"));
        let pasted = key(Some("sk-proj-secret"), &[]).unwrap_err().to_string();
        assert!(!pasted.contains("secret"), "{pasted}");
        let broken = key(None, &[(KEY, "secret\n")]).unwrap_err().to_string();
        assert!(broken.contains(KEY) && !broken.contains("secret"), "{broken}");
    }

    #[test]
    fn an_echoed_key_is_blotted_out() {
        let endpoint = endpoint(None, None, &[(KEY, "sk-12345678")]).unwrap();
        assert_eq!(endpoint.redact("wrong key: sk-12345678"), "wrong key: ***");
    }
}
