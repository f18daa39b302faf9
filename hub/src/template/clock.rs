//! `strftime_now` of chat templates, with a fixed date in the place of today's.
//!
//! A prompt that changes from day to day would make runs irreproducible. The date is 26 July 2024, which the
//! templates of Llama 3.1 and later themselves fall back to.

use minijinja::{Error, ErrorKind};

/// The fixed time, Friday, 26 July 2024, 00:00:00, in a format of C's `strftime`.
pub(super) fn strftime(format: String) -> Result<String, Error> {
    let mut text = String::new();
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            text.push(c);
            continue;
        }
        match chars.next() {
            // Glibc's `%-d`: without leading zeros.
            Some('-') => {
                let padded = directive(chars.next())?;
                let bare = padded.trim_start_matches('0');
                text.push_str(if bare.is_empty() { "0" } else { bare });
            }
            letter => text.push_str(directive(letter)?),
        }
    }
    Ok(text)
}

fn directive(letter: Option<char>) -> Result<&'static str, Error> {
    Ok(match letter {
        Some('d' | 'e') => "26",
        Some('b' | 'h') => "Jul",
        Some('B') => "July",
        Some('m') => "07",
        Some('y') => "24",
        Some('Y') => "2024",
        Some('a') => "Fri",
        Some('A') => "Friday",
        Some('j') => "208",
        Some('H' | 'M' | 'S') => "00",
        Some('I') => "12",
        Some('p') => "AM",
        Some('F') => "2024-07-26",
        Some('T') => "00:00:00",
        Some('%') => "%",
        _ => {
            let letter = letter.map(String::from).unwrap_or_default();
            return Err(Error::new(ErrorKind::InvalidOperation, format!("strftime_now: unknown directive %{letter}")));
        }
    })
}
