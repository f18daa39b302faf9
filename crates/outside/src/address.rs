//! Secrets in addresses: a key belongs into an environment variable, never into an address, which logs and files show.

/// Words that name a secret.
const SECRETS: [&str; 20] = [
    "accesskey",
    "accesstoken",
    "apikey",
    "auth",
    "authorization",
    "credential",
    "credentials",
    "key",
    "keys",
    "pass",
    "passphrase",
    "passwd",
    "password",
    "pwd",
    "secret",
    "secrets",
    "sig",
    "signature",
    "token",
    "tokens",
];

/// Returns true if a parameter of a query, as in `a=1&api_key=2`, has the name of a secret: if a word of it is one of
/// `SECRETS`. Words end at anything but letters, and before a capital: `apiKey` has two, `keyboard` has one.
pub fn names_a_secret(query: &str) -> bool {
    query.split('&').filter_map(|pair| pair.split('=').next()).any(|name| {
        let whole = name.to_ascii_lowercase();
        SECRETS.contains(&whole.as_str()) || words(name).iter().any(|word| SECRETS.contains(&word.as_str()))
    })
}

fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in name.chars() {
        if !c.is_ascii_alphabetic() || c.is_ascii_uppercase() && before.is_ascii_lowercase() {
            words.push(String::new());
        }
        if let (true, Some(word)) = (c.is_ascii_alphabetic(), words.last_mut()) {
            word.push(c.to_ascii_lowercase());
        }
        before = c;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::names_a_secret;

    #[test]
    fn secrets_are_named_by_whole_words() {
        for query in [
            "key=1",
            "a=1&api_key=2",
            "apiKey",
            "APIKEY=x",
            "X-Amz-Signature=1",
            "access-token",
            "code=1&sig=2",
            "x[auth]=1",
        ] {
            assert!(names_a_secret(query), "{query}");
        }
        for query in ["", "keyboard=1", "author=me", "design=2", "version=key", "passage=3", "api-version=2024"] {
            assert!(!names_a_secret(query), "{query}");
        }
    }
}
