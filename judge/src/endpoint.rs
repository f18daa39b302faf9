//! The address of a server and the key to it, from settings and environment. The key is shown nowhere.

use ureq::http::Uri;

use crate::Error;

/// The variable that a key is read from where the settings name none.
const KEY: &str = "OPENAI_API_KEY";
const BASE_URL: &str = "OPENAI_BASE_URL";

/// Keys shorter than this are stand-ins (`EMPTY`, `none`) for servers without keys.
const SHORTEST_SECRET: usize = 8;

/// Where requests go.
pub(crate) struct Endpoint {
    pub uri: Uri,
    /// The variable that the key came, or would come, from.
    pub key_name: String,
    key: Option<String>,
}

impl Endpoint {
    /// `url`: up to `/v1`, with or without `path` (`/chat/completions`) behind it; none: `OPENAI_BASE_URL`, else OpenAI.
    /// `key_name`: a variable that must be set; none: `OPENAI_API_KEY`, if it is.
    pub fn new(
        url: Option<&str>,
        key_name: Option<&str>,
        path: &str,
        env: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, Error> {
        let set = |name: &str| env(name).filter(|value| !value.is_empty());
        let (url, source) = match (url, set(BASE_URL)) {
            (Some(url), _) => (url.to_owned(), "the judge's `url`"),
            (None, Some(url)) => (url, BASE_URL),
            (None, None) => ("https://api.openai.com/v1".to_owned(), "the default url"),
        };
        let uri = parse(&url, path, source)?;
        let name = key_name.unwrap_or(KEY);
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || !name.chars().all(plain) || name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(Error::new("the judge's `key` is no name of an environment variable")
                .help("it names the variable that holds the key, such as OPENAI_API_KEY, and never the key itself"));
        }
        let key = set(name);
        if key.is_none() && key_name.is_some() {
            return Err(Error::new(format!("the environment variable {name} is not set"))
                .help("the judge's `key` names it as the place of the key"));
        }
        if key.as_ref().is_some_and(|key| !key.chars().all(|c| c.is_ascii_graphic())) {
            return Err(Error::new(format!("the environment variable {name} holds blanks or letters that no key has")));
        }
        Ok(Self { uri, key_name: name.to_owned(), key })
    }

    pub fn authorization(&self) -> Option<String> {
        self.key.as_ref().map(|key| format!("Bearer {key}"))
    }

    /// Scheme, host and path: what messages show.
    pub fn shown(&self) -> String {
        format!("{}://{}{}", self.uri.scheme_str().unwrap_or("http"), self.host(), self.uri.path())
    }

    fn host(&self) -> &str {
        self.uri.authority().map_or("", |authority| authority.as_str())
    }

    /// This machine itself: no proxy is asked.
    pub fn is_local(&self) -> bool {
        matches!(self.uri.host(), Some("localhost" | "127.0.0.1" | "[::1]"))
    }

    /// What a server says, without the key if it echoes it.
    pub fn redact(&self, text: &str) -> String {
        match &self.key {
            Some(key) if key.len() >= SHORTEST_SECRET => text.replace(key.as_str(), "***"),
            _ => text.to_owned(),
        }
    }
}

/// A checked address. No message quotes it: it may hold what it should not.
fn parse(url: &str, path: &str, source: &str) -> Result<Uri, Error> {
    let wrong = |what: &str| {
        let example = format!("http://localhost:8000/v1, or in full http://localhost:8000/v1{path}");
        Error::new(format!("{source} {what}")).help(format!("write it like {example}"))
    };
    let (address, query) = url.split_once('?').map_or((url, None), |(address, query)| (address, Some(query)));
    let base = address.trim_end_matches('/');
    let whole = if base.ends_with(path) { base.to_owned() } else { format!("{base}{path}") };
    let whole = query.map_or(whole.clone(), |query| format!("{whole}?{query}"));
    let uri: Uri = whole.parse().map_err(|_| wrong("is no URL"))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none_or(str::is_empty) {
        return Err(wrong("does not begin with http:// or https:// and a host"));
    }
    let mut names = query.into_iter().flat_map(|query| query.split('&')).map(|pair| pair.to_lowercase());
    let secret = |pair: String| {
        let name = pair.split('=').next().unwrap_or_default();
        ["key", "token", "secret", "pass", "sig", "auth"].iter().any(|word| name.contains(word))
    };
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) || names.any(secret) {
        return Err(Error::new(format!("{source} holds a key or a password"))
            .help(format!("take it out, put the key into {KEY} or a variable that `key` names")));
    }
    Ok(uri)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(url: Option<&str>, key_name: Option<&str>, env: &[(&str, &str)]) -> Result<Endpoint, Error> {
        let look = |name: &str| env.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_string());
        Endpoint::new(url, key_name, "/chat/completions", look)
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
        for url in ["http://me:hunter2@h/v1", "https://h/v1?api_key=hunter2", "hunter2", "ftp://hunter2/v1"] {
            let error = endpoint(Some(url), None, &[]).err().unwrap().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn the_key_comes_from_the_named_variable() {
        let key = |name, env: &[(&str, &str)]| endpoint(None, name, env).map(|endpoint| endpoint.authorization());
        assert_eq!(key(None, &[]), Ok(None));
        assert_eq!(key(None, &[(KEY, "k")]), Ok(Some("Bearer k".into())));
        assert_eq!(key(Some("MINE"), &[("MINE", "m"), (KEY, "k")]), Ok(Some("Bearer m".into())));
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
