//! Finds the number of a text that is its answer.
//!
//! The rules, in this order. The first that applies decides; if its number cannot be read, later rules are not tried:
//!
//! 1. the last `\boxed{...}` (or `\fbox`): it must hold a single number, with at most a name before `=`, a unit after
//!    the number, and layout commands;
//! 2. the first number after the last `####` (GSM8K), if there is one;
//! 3. the last number of the text, or the first one (`Pick::First`).

use serde::{Deserialize, Serialize};

use crate::number::Number;
use crate::numbers::{closing, numbers};

/// The number of a text that counts if it has neither `\boxed{}` nor `####`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pick {
    #[default]
    Last,
    First,
}

/// Commands of TeX that change how something looks, but not its value.
const LAYOUT: [&str; 19] = [
    "\\left",
    "\\right",
    "\\text",
    "\\textbf",
    "\\mbox",
    "\\mathrm",
    "\\mathbf",
    "\\displaystyle",
    "\\!",
    "\\,",
    "\\;",
    "\\:",
    "\\ ",
    "\\$",
    "\\%",
    "\\(",
    "\\)",
    "\\quad",
    "^\\circ",
];

/// Units of one letter. Other letters are variables: `3 x` is a product.
const UNITS: [&str; 13] = ["A", "C", "F", "J", "K", "L", "N", "V", "W", "g", "h", "m", "s"];

/// Words after a number that change it, or join it to something else.
const NO_UNITS: [&str; 30] = [
    "above",
    "and",
    "at",
    "below",
    "but",
    "cubed",
    "else",
    "factorial",
    "fewer",
    "if",
    "is",
    "least",
    "less",
    "lost",
    "minus",
    "mod",
    "modulo",
    "more",
    "most",
    "no",
    "not",
    "or",
    "over",
    "plus",
    "short",
    "squared",
    "than",
    "times",
    "under",
    "zero",
];

/// Returns the number that is a text's answer, or the reason why there is none.
pub(crate) fn answer(text: &str, pick: Pick) -> Result<Number, String> {
    if let Some(boxed) = last_box(text) {
        let boxed = boxed.ok_or("its last `\\boxed{` is not closed")?;
        let shown = pbpo_outside::shown::cut(boxed, 40);
        return single(boxed, true).ok_or_else(|| format!("its `\\boxed{{{shown}}}` holds no single number"));
    }
    let marked =
        text.rsplit_once("####").and_then(|(_, after)| numbers(after).next().map(|(at, found)| (&after[at], found)));
    let picked = || match pick {
        Pick::First => numbers(text).next(),
        Pick::Last => numbers(text).last(),
    };
    let (rule, (shown, found)) = match (marked, pick) {
        (Some(marked), _) => ("after `####`", marked),
        (None, Pick::Last) => ("last", picked().map(|(at, found)| (&text[at], found)).ok_or("it has no number")?),
        (None, Pick::First) => ("first", picked().map(|(at, found)| (&text[at], found)).ok_or("it has no number")?),
    };
    let shown = pbpo_outside::shown::cut(shown, 40);
    found.ok_or_else(|| format!("`{shown}`, which stands {rule}, is no plain number"))
}

/// Returns the contents of the last `\boxed{}`; `Some(None)` if it is not closed.
fn last_box(text: &str) -> Option<Option<&str>> {
    let after = |command: &str| text.rfind(command).map(|at| at + command.len());
    let from = after("\\boxed").max(after("\\fbox"))?;
    let rest = text[from..].trim_start_matches(' ');
    if rest.starts_with('{') {
        return Some(closing(rest).map(|end| &rest[1..end]));
    }
    // `\boxed 5$`
    Some(rest.split(['$', '\n']).next())
}

/// Reads a text that is a single number. With `named`, the text may also give the number a name before `=`, a unit, and
/// the same number in several forms, as in `x = \frac{1}{2} = 0.5`.
pub(crate) fn single(text: &str, named: bool) -> Option<Number> {
    if !named {
        return only(text, false);
    }
    let equal = text.replace("\\approx", "=").replace('≈', "=");
    let text = equal.as_str();
    let mut sides = text.split('=');
    let name = sides.clone().nth(1).and_then(|_| sides.next().filter(|first| is_name(first)));
    if name.is_none() {
        sides = text.split('=');
    }
    let number = only(sides.next()?, true)?;
    sides.all(|side| only(side, true).is_some_and(|other| other.is_near(&number, 0.0))).then_some(number)
}

/// Tells whether a text names a quantity: letters, `f(x)`, `x_1`, `\text{the area}`, `\alpha`.
fn is_name(text: &str) -> bool {
    let mut index = false;
    text.chars().all(|c| {
        let fits = c.is_alphabetic() || " _\\{}()'".contains(c) || index && c.is_ascii_digit();
        index = c == '_' || index && (c == '{' || c.is_ascii_digit());
        fits
    })
}

fn only(text: &str, named: bool) -> Option<Number> {
    let compact = text.replace("\\ ", " ").replace('~', " ");
    let signed = compact.replace("- ", "-").replace("\u{2212} ", "\u{2212}");
    if signed.contains('(') && signed.contains(',') {
        // A pair, or a number with a separator of thousands.
        return None;
    }
    let mut found = numbers(&signed);
    let (at, number) = found.next()?;
    if found.next().is_some() {
        return None;
    }
    let before = ["-", "\u{2212}", "+"].iter().find_map(|sign| unpriced(&signed[..at.start]).strip_suffix(sign));
    let before = before.unwrap_or(&signed[..at.start]);
    let after = &signed[at.end..];
    (is_layout(before, false) && is_layout(after, named)).then_some(number).flatten()
}

fn unpriced(text: &str) -> &str {
    text.strip_suffix("\\$").or_else(|| text.strip_suffix('$')).unwrap_or(text)
}

/// Tells whether a text does not change the value of the number beside it. Words are units if they stand in `\text{}`,
/// or have two letters or more and stand after a blank: `3x` and `3 x` are products.
fn is_layout(text: &str, words: bool) -> bool {
    let mut rest = text;
    let (mut apart, mut in_text) = (false, false);
    while let Some(c) = rest.chars().next() {
        let command = LAYOUT.iter().filter(|command| rest.starts_with(**command)).max_by_key(|command| command.len());
        if let Some(command) = command {
            rest = &rest[command.len()..];
            apart = true;
            in_text |= ["\\text", "\\textbf", "\\mbox", "\\mathrm"].contains(command);
        } else if rest.starts_with("^{\\circ}") {
            rest = &rest["^{\\circ}".len()..];
        } else if c.is_alphabetic() {
            let after = rest.trim_start_matches(char::is_alphabetic);
            let word = rest[..rest.len() - after.len()].to_lowercase();
            let letter = word.chars().count() < 2 && !in_text && !UNITS.contains(&&rest[..rest.len() - after.len()]);
            if !words || !apart || letter || NO_UNITS.contains(&word.as_str()) {
                return false;
            }
            rest = after;
            // `cm^2`, `\text{cm}^2`
            let powers = ["^2", "^3", "}^2", "}^3"];
            rest = powers.iter().find_map(|power| rest.strip_prefix(power)).unwrap_or(rest);
        } else if c == '/' && words && rest[1..].starts_with(char::is_alphabetic) {
            // `m/s`
            rest = &rest[1..];
        } else if c.is_whitespace() || "{}()[]$%.°€£¥".contains(c) {
            apart |= c.is_whitespace();
            in_text &= c != '}';
            rest = &rest[c.len_utf8()..];
        } else {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(text: &str, value: &str) -> bool {
        let number = |text: &str| {
            let (above, below) = text.split_once('/').unwrap_or((text, "1"));
            let unsigned =
                Number::parse(above.trim_start_matches('-')).unwrap().over(Number::parse(below).unwrap()).unwrap();
            if above.starts_with('-') { unsigned.negated() } else { unsigned }
        };
        answer(text, Pick::Last).is_ok_and(|found| found.is_near(&number(value), 0.0))
    }

    #[test]
    fn numbers_of_tex_are_read() {
        for (text, value) in [
            (r"\boxed{8}, since 2 + 6 = 8. Check: 3", "8"),
            (r"\boxed{5} no, \boxed{\text{7 apples}}", "7"),
            (r"so \boxed{\boxed{42}}", "42"),
            (r"$\boxed 5$ of 6", "5"),
            (r"\boxed{8{,}000}", "8000"),
            (r"it is 8\,000", "8000"),
            (r"10{,}200{,}300", "10200300"),
            (r"1,\!234", "1234"),
            ("12\u{202f}345", "12345"),
            (r"\frac{1}{2}", "1/2"),
            (r"\dfrac12", "1/2"),
            (r"\boxed{-\frac{3}{4}}", "-3/4"),
            (r"\tfrac{-3}{4}", "-3/4"),
            (r"\frac{1.5}{0.5}", "3"),
            ("1/2", "1/2"),
            ("-1/2", "-1/2"),
            ("2 1/2 cups", "5/2"),
            (r"2\frac{1}{2}", "5/2"),
            ("2½", "5/2"),
            (r"\$8", "8"),
            (r"a loss of -\$8", "-8"),
            (r"50\%", "50"),
            (r"\boxed{50\%}", "50"),
            (r"\boxed{x = 8}", "8"),
            (r"\boxed{\$1{,}250.50}", "1250.5"),
            (r"\boxed{ - 5 }", "-5"),
            (r"\boxed{90^\circ}", "90"),
            (r"90^{\circ}", "90"),
            (r"\boxed{8\text{ cm}^2}", "8"),
            (r"\boxed{12 cm^2}", "12"),
            ("an area of 12 cm^2", "12"),
            ("x_1 + x_2 is 9 m^{-2}", "9"),
            (r"6.02 \times 10^{23}", "6.02e23"),
            ("_5_", "5"),
            ("on 1/2/2024", "2024"),
            (r"#### \frac{3}{4} of 8", "3/4"),
            (r"\boxed{x_{12} = 8}", "8"),
            (r"\boxed{12\text{ m}}", "12"),
            (r"\boxed{12\,\text{m}}", "12"),
            (r"\boxed{12\text{ m/s}}", "12"),
            (r"\boxed{12 m/s}", "12"),
            (r"\boxed{12\,\mathrm{km/h}}", "12"),
            (r"\boxed{x \approx 12}", "12"),
            (r"\boxed{f(x) = \frac{1}{2} = 0.5}", "1/2"),
            (r"\boxed{\text{the area} = 8 \text{ m}^2}", "8"),
            ("it has 2.5 million people", "2500000"),
            ("3 hundreds", "300"),
            ("it is 2 MILLION", "2000000"),
            ("a 2-million", "2000000"),
            ("**2** million", "2000000"),
            (r"\boxed{2 \text{ million}}", "2000000"),
            ("1'234'567", "1234567"),
            ("3 / 4", "3/4"),
            ("1\u{2044}2", "1/2"),
            ("1.5 × 10^\u{2212}3", "3/2000"),
            ("x = - 5", "-5"),
            ("it is \u{2013}5", "-5"),
            ("it is -€5", "-5"),
            ("it is -(5)", "-5"),
            ("it is minus 5", "-5"),
            ("negative 5", "-5"),
            ("12 minus 5", "5"),
            ("3 million-dollar houses: 4", "4"),
            ("**5**", "5"),
            ("It is 5.", "5"),
            ("It is 5...", "5"),
            ("in 7 months", "7"),
            ("- 5 apples", "5"),
        ] {
            assert!(is(text, value), "{text}: {:?}", answer(text, Pick::Last));
        }
    }

    #[test]
    fn parts_of_expressions_are_no_answers() {
        for (text, why) in [
            (r"for 3, \boxed{\text{no solution}}", "no single number"),
            (r"\boxed{2\sqrt{3}}", "no single number"),
            (r"\boxed{3x}", "no single number"),
            (r"\boxed{3 x}", "no single number"),
            (r"\boxed{3/x}", "no single number"),
            (r"\boxed{x > 3}", "no single number"),
            (r"\boxed{3, 5}", "no single number"),
            (r"\boxed{2 + 3}", "no single number"),
            (r"\boxed{10^5}", "no single number"),
            (r"\boxed{x = 3, y = 5}", "no single number"),
            (r"\boxed{x = 3 = 5}", "no single number"),
            (r"\boxed{x >= 3}", "no single number"),
            (r"\boxed{x <= 3}", "no single number"),
            (r"\boxed{x != 3}", "no single number"),
            (r"\boxed{3 \text{ or more}}", "no single number"),
            (r"\boxed{3 \text{ is no solution}}", "no single number"),
            (r"\boxed{(1,200)}", "no single number"),
            (r"\boxed{0.333...}", "no single number"),
            (r"\boxed{3 \text{ fifths}}", "no single number"),
            (r"\boxed{2\text{k}}", "no single number"),
            (r"\boxed{5\text{ below zero}}", "no single number"),
            ("it is 12 000 km", "no plain number"),
            ("it is 5k", "no plain number"),
            ("it is $2M", "no plain number"),
            ("it is 2 lakh", "no plain number"),
            ("it is 2 hundredths", "no plain number"),
            ("it is 10**3", "no plain number"),
            ("it is 2 ^ 3", "no plain number"),
            ("it is 3:45", "no plain number"),
            ("it is 3,14", "no plain number"),
            ("it is 0.(3)", "no plain number"),
            ("12345,678", "no plain number"),
            ("it is 2 dozen", "no plain number"),
            (r"\boxed{}", "no single number"),
            (r"3, so \boxed{12", "not closed"),
            (r"it is \frac{\sqrt{3}}{2}", "no plain number"),
            (r"it is 2\pi", "no plain number"),
            (r"it is \sqrt{4}", "no plain number"),
            ("it is 10^5", "no plain number"),
            ("it is 10²", "no plain number"),
            (r"it is (1 + 2)^3", "no plain number"),
            (r"it is \pm 3", "no plain number"),
            (r"it is 0.\overline{3}", "no plain number"),
            ("version 1.2.3", "no plain number"),
            (r"\frac{1}{0}", "no plain number"),
            ("1/0", "no plain number"),
            (r"\frac{x}{2}", "no plain number"),
            ("none", "no number"),
            ("", "no number"),
        ] {
            let said = answer(text, Pick::Last).expect_err(text);
            assert!(said.contains(why), "{text}: {said}");
        }
    }
}
