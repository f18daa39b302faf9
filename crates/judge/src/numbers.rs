//! Finds the numbers of a text, as people, models and data sets of mathematics write them.

use crate::number::Number;

/// A number found in a text; `None` for an expression that only looks like one (`2\sqrt{3}`, `10^5`, `1.2.3`), of which
/// no part is the value.
pub(crate) type Found = Option<Number>;

/// Separators between groups of three digits.
const SEPARATORS: [&str; 12] =
    [",\\!", "{,}\\!", "{,}", "\\,", "\\;", "\\ ", ",", "\u{2009}", "\u{202f}", "\u{a0}", "'", "’"];
const FRACTIONS: [&str; 4] = ["\\frac", "\\dfrac", "\\tfrac", "\\cfrac"];
const VULGAR: [(char, &str); 15] = [
    ('½', "1/2"),
    ('⅓', "1/3"),
    ('⅔', "2/3"),
    ('¼', "1/4"),
    ('¾', "3/4"),
    ('⅕', "1/5"),
    ('⅖', "2/5"),
    ('⅗', "3/5"),
    ('⅘', "4/5"),
    ('⅙', "1/6"),
    ('⅚', "5/6"),
    ('⅛', "1/8"),
    ('⅜', "3/8"),
    ('⅝', "5/8"),
    ('⅞', "7/8"),
];

/// Commands and characters that make an expression of the number before them.
const FACTORS: [&str; 8] = ["\\sqrt", "\\pi", "π", "√", "\\overline", ".\\overline", "\\bar", ".\\dot"];

/// Returns the numbers of a text from left to right, each with its range. Signs, separators of thousands, fractions,
/// mixed numbers and `\times 10^n` belong to a number; `$`, `%` and degrees do not. Powers and indices of letters
/// (`cm^2`, `x_1`) are skipped.
pub(crate) fn numbers(text: &str) -> impl Iterator<Item = (std::ops::Range<usize>, Found)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        while let Some(c) = text[at..].chars().next() {
            let from = at;
            match next(text, at) {
                Some((found, end)) => {
                    at = end;
                    if let Some(found) = found {
                        return Some((from..end, found));
                    }
                }
                None => at += c.len_utf8(),
            }
        }
        None
    })
}

/// Returns the number that begins here and its end; no number for text that is skipped as a whole.
fn next(text: &str, at: usize) -> Option<(Option<Found>, usize)> {
    let rest = &text[at..];
    let before = text[..at].chars().next_back();
    if rest.starts_with(['^', '_']) && before.is_some_and(|c| c.is_alphanumeric() || ")}".contains(c)) {
        let end = at + 1 + argument(&rest[1..]).map_or(0, |(_, length)| length);
        let power = rest.starts_with('^') && before.is_some_and(|c| ")}".contains(c));
        let power = power && !is_degree(&rest[1..]) && !ends_with_words(&text[..at]);
        return Some((power.then_some(None), end));
    }
    if rest.starts_with("\\sqrt") || rest.starts_with('√') {
        let command = if rest.starts_with('√') { '√'.len_utf8() } else { "\\sqrt".len() };
        return Some((Some(None), at + command + arguments(&rest[command..], 1).1));
    }
    if let Some(sign) = ["\\pm", "\\mp", "±"].iter().find(|sign| rest.starts_with(**sign)) {
        let number = at + sign.len() + blanks(&rest[sign.len()..]);
        return unsigned(text, number).map(|(_, end)| (Some(None), end));
    }
    let (number, end) = unsigned(text, at)?;
    let number = if is_negative(text, at) { number.map(Number::negated) } else { number };
    Some((Some(number), end))
}

/// Returns the unsigned number that begins here, with everything that belongs to it, and its end.
fn unsigned(text: &str, at: usize) -> Option<(Found, usize)> {
    let (mut number, mut end) = match fraction(text, at).or_else(|| vulgar(text, at)) {
        Some(found) => found,
        None => {
            let (number, end) = decimal(text, at)?;
            let (part, behind) = of_whole(text, at, end);
            match part {
                Some(part) => (number.zip(part).and_then(|(number, part)| joined(number, part)), behind),
                None => (number, end),
            }
        }
    };
    if let Some((power, length)) = scientific(&text[end..]) {
        (number, end) = (number.zip(power).and_then(|(number, power)| number.times_ten_to(power)), end + length);
    }
    let rest = &text[end..];
    if let Some(factor) = FACTORS.iter().find(|factor| rest.starts_with(**factor)) {
        return Some((None, end + factor.len() + arguments(&rest[factor.len()..], 1).1));
    }
    match expression(&text[at..end], rest) {
        Some(length) => Some((None, end + length)),
        None => Some((number, end)),
    }
}

/// Returns the length of what makes an expression of the number before it: a power, digits that go on (`0.333...`), the
/// minutes of a time, or a comma between digits that are not groups of three.
fn expression(number: &str, rest: &str) -> Option<usize> {
    let digit = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    let after = rest.trim_start_matches(' ');
    let blank = rest.len() - after.len();
    if let Some(power) = after.strip_prefix('^').filter(|power| !is_degree(power)) {
        return Some(blank + 1 + argument(power).map_or(0, |(_, length)| length));
    }
    if rest.starts_with(|c: char| "⁰¹²³⁴⁵⁶⁷⁸⁹⁻".contains(c)) {
        return Some(rest.chars().next().map_or(0, char::len_utf8));
    }
    if let Some(power) = rest.strip_prefix("**").filter(|power| digit(power.trim_start_matches(['-', '+', '(']))) {
        return Some(2 + argument(power).map_or(0, |(_, length)| length));
    }
    let endless = ["...", "…", "\\ldots", "\\dots", "\\cdots"].iter().find(|mark| rest.starts_with(**mark));
    if let Some(mark) = endless.filter(|_| number.contains('.')) {
        return Some(mark.len());
    }
    let goes_on = [",", ":", ".("].iter().find(|mark| rest.strip_prefix(**mark).is_some_and(digit));
    goes_on.map(|_| rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit() || ",:.()".contains(c)).len())
}

/// A part that joins the whole number before it.
enum Part {
    /// A fraction to add, as the `1/2` of `2 1/2`.
    Of(Number),
    /// A divisor, as the `/2` of `1/2`.
    Over(Number),
}

fn joined(number: Number, part: Part) -> Found {
    match part {
        Part::Of(part) => number.and(part),
        Part::Over(below) => number.over(below),
    }
}

/// Returns the part that belongs to a number at `at..end`, and its end. If the part cannot be read, the whole is not a
/// number.
fn of_whole(text: &str, at: usize, end: usize) -> (Option<Option<Part>>, usize) {
    let rest = &text[end..];
    let slash = |at: usize| divided(text, at).is_some();
    // `1/2/2024` is a date.
    if slash(end) && !text[..at].ends_with('/') {
        return match divided(text, end).and_then(|below| decimal(text, below)) {
            Some((below, behind)) if !slash(behind) => (Some(below.map(Part::Over)), behind),
            _ => (None, end),
        };
    }
    let next = end + usize::from(rest.starts_with(' '));
    if let Some((part, behind)) = fraction(text, next).or_else(|| vulgar(text, next)) {
        return (Some(part.map(Part::Of)), behind);
    }
    let spaced = (next > end).then(|| decimal(text, next)).flatten().filter(|(_, behind)| slash(*behind));
    let part = spaced.and_then(|(above, middle)| {
        let (below, behind) =
            divided(text, middle).and_then(|below| decimal(text, below)).filter(|(_, behind)| !slash(*behind))?;
        let whole = Number::parse(&text[at..end])?;
        let part = above?.over(below?)?;
        whole.and(part.clone()).map(|_| (part, behind))
    });
    part.map_or((None, end), |(part, behind)| (Some(Some(Part::Of(part))), behind))
}

/// Returns the place where a denominator begins, if a slash stands here and digits follow.
fn divided(text: &str, at: usize) -> Option<usize> {
    let rest = &text[at..];
    let slash = ["/", "\u{2044}", " / "].iter().find(|slash| rest.starts_with(**slash))?;
    rest[slash.len()..].starts_with(|c: char| c.is_ascii_digit()).then_some(at + slash.len())
}

/// Reads digits with separators of thousands, a point and an exponent.
fn decimal(text: &str, from: usize) -> Option<(Found, usize)> {
    let digits = |at: usize| text[at..].bytes().take_while(u8::is_ascii_digit).count();
    let point = |at: usize| text[at..].starts_with('.') && digits(at + 1) > 0;
    let mut end = from + digits(from);
    if end == from && !point(from) {
        return None;
    }
    let mut plain = text[from..end].to_owned();
    if (1..=3).contains(&plain.len()) {
        let separates = |separator: &&&str| text[end..].starts_with(**separator) && digits(end + separator.len()) == 3;
        if let Some(separator) = SEPARATORS.iter().find(separates) {
            while text[end..].starts_with(separator) && digits(end + separator.len()) == 3 {
                let group = end + separator.len();
                end = group + 3;
                plain.push_str(&text[group..end]);
            }
        }
    }
    if (1..=3).contains(&plain.len()) && text[end..].starts_with(' ') && digits(end + 1) == 3 {
        // `12 000` may be one number or two.
        while text[end..].starts_with(' ') && digits(end + 1) == 3 {
            end += 4;
        }
        return Some((None, end));
    }
    if point(end) {
        let fraction = end + 1 + digits(end + 1);
        plain.push_str(&text[end..fraction]);
        end = fraction;
    }
    if point(end) {
        // `1.2.3` is a version, or a number with points between its thousands.
        while point(end) {
            end += 1 + digits(end + 1);
        }
        return Some((None, end));
    }
    if text[end..].starts_with(['e', 'E']) {
        let sign = usize::from(text[end + 1..].starts_with(['+', '-']));
        let exponent = digits(end + 1 + sign);
        if exponent > 0 {
            plain.push_str(&text[end..end + 1 + sign + exponent]);
            end += 1 + sign + exponent;
        }
    }
    Some((Number::parse(&plain), end))
}

/// Reads `\frac{a}{b}` and `\frac12`: a number if both parts are numbers.
fn fraction(text: &str, at: usize) -> Option<(Found, usize)> {
    let rest = &text[at..];
    let command = FRACTIONS.iter().find(|command| rest.starts_with(**command))?;
    let (parts, length) = arguments(&rest[command.len()..], 2);
    let end = at + command.len() + length;
    let [above, below] = parts[..] else { return Some((None, end)) };
    let part = |text: &str| crate::boxed::single(text, false);
    Some((part(above).zip(part(below)).and_then(|(above, below)| above.over(below)), end))
}

fn vulgar(text: &str, at: usize) -> Option<(Found, usize)> {
    let c = text[at..].chars().next()?;
    let (above, below) = VULGAR.iter().find(|(vulgar, _)| *vulgar == c)?.1.split_once('/')?;
    Some((Number::parse(above)?.over(Number::parse(below)?), at + c.len_utf8()))
}

/// The words for powers of ten, with the power.
const SCALES: [(&str, i64); 5] = [("hundred", 2), ("thousand", 3), ("million", 6), ("billion", 9), ("trillion", 12)];

/// Words and letters that change a number otherwise, so that it can't be read.
const CHANGES: [&str; 40] = [
    "dozen",
    "dozens",
    "lakh",
    "lakhs",
    "crore",
    "crores",
    "k",
    "K",
    "M",
    "B",
    "bn",
    "Bn",
    "BN",
    "mn",
    "Mn",
    "half",
    "halves",
    "third",
    "thirds",
    "quarter",
    "quarters",
    "fourth",
    "fourths",
    "fifth",
    "fifths",
    "sixth",
    "sixths",
    "seventh",
    "sevenths",
    "eighth",
    "eighths",
    "ninth",
    "ninths",
    "tenth",
    "tenths",
    "hundredth",
    "hundredths",
    "thousandth",
    "thousandths",
    "millionths",
];

/// What may stand between a number and its word.
const GAPS: [&str; 15] =
    [" ", "\u{a0}", "\u{202f}", "~", "*", "_", "$", "-", "\\ ", "\\,", "\\;", "\\text{", "\\mathrm{", "\\mbox{", "{"];

/// Returns the exponent of a word for a power of ten, and the length up to the word's end; no exponent if the word changes
/// the number otherwise.
fn scale(rest: &str) -> Option<(Option<i64>, usize)> {
    let mut at = 0;
    while let Some(gap) = GAPS.iter().find(|gap| rest[at..].starts_with(**gap)) {
        at += gap.len();
    }
    let word = rest[at..].split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    let lower = word.to_lowercase();
    let one = lower.strip_suffix('s').unwrap_or(&lower);
    if let Some((_, power)) = SCALES.iter().find(|(scale, _)| *scale == one) {
        // `2 million-dollar houses` are not two million.
        let joined = rest[at + word.len()..].starts_with('-');
        return Some(((!joined).then_some(*power), at + word.len()));
    }
    CHANGES.contains(&word).then_some((None, at + word.len()))
}

/// Returns the exponent of `\times 10^{n}` or ` million`, and the length of it all; no exponent if it can't be read.
fn scientific(rest: &str) -> Option<(Option<i64>, usize)> {
    if let Some(scale) = scale(rest) {
        return Some(scale);
    }
    let mut at = blanks(rest);
    let times = ["\\times", "\\cdot", "×", "·", "*"].iter().find(|times| rest[at..].starts_with(**times))?;
    at += times.len();
    at += blanks(&rest[at..]);
    let power = rest[at..].strip_prefix("10^")?;
    let (argument, length) = argument(power)?;
    Some((argument.replace('\u{2212}', "-").trim().parse().ok(), at + "10^".len() + length))
}

fn blanks(text: &str) -> usize {
    text.len() - text.trim_start_matches(' ').len()
}

/// Tells whether a power is `^\circ`, `^{\circ}` or `^°`.
fn is_degree(power: &str) -> bool {
    argument(power).is_some_and(|(text, _)| text.trim() == "\\circ" || text == "°")
}

/// Tells whether a text ends with a unit, as in `\text{ cm}`.
fn ends_with_words(text: &str) -> bool {
    let group = text.rfind('{').filter(|_| text.ends_with('}')).map(|at| &text[..at]);
    group.is_some_and(|before| ["\\text", "\\mathrm", "\\mbox"].iter().any(|command| before.ends_with(command)))
}

/// Returns the arguments of a command, at most `most`, and their length.
fn arguments(text: &str, most: usize) -> (Vec<&str>, usize) {
    let (mut found, mut at) = (Vec::new(), 0);
    // `\sqrt[3]{8}`
    if most == 1 && text.starts_with('[') {
        at += text.find(']').map_or(0, |end| end + 1);
    }
    while found.len() < most
        && let Some((argument, length)) = argument(&text[at..])
    {
        found.push(argument);
        at += length;
    }
    (found, at)
}

/// Returns the text in braces, or a command or character without them, and its length with braces and blanks. After
/// `^`, a sign and its digits (`-2`) are one argument: TeX would take one character, but people mean all of it, and the
/// text is never read as a number.
fn argument(text: &str) -> Option<(&str, usize)> {
    let from = blanks(text);
    let text = &text[from..];
    if text.starts_with('{') {
        let end = closing(text)?;
        return Some((&text[1..end], from + end + 1));
    }
    if let Some(command) = text.strip_prefix('\\') {
        let letters = command.bytes().take_while(u8::is_ascii_alphabetic).count().max(1);
        return text.get(..1 + letters).map(|command| (command, from + 1 + letters));
    }
    let sign = ["-", "\u{2212}"].iter().find(|sign| text.starts_with(**sign)).map_or(0, |sign| sign.len());
    let signed = sign + text[sign..].bytes().take_while(u8::is_ascii_digit).count();
    let first = text.chars().next()?;
    // `\frac12`
    let length = if sign > 0 && signed > sign { signed } else { first.len_utf8() };
    Some((&text[..length], from + length))
}

/// Returns the position at which the brace at the beginning of a text is closed.
pub(crate) fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '{' => depth += 1,
            '}' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// Tells whether a minus belongs to the number: one directly before it (`-5`, `-$5`, `-(5)`), one after `=` or `(`
/// (`x = - 5`), or the word `minus` or `negative`. A hyphen, a range and a difference do not (`3-5`, `top-5`, `7 - 5`).
fn is_negative(text: &str, at: usize) -> bool {
    let ends_word = |c: char| c.is_ascii_alphanumeric() || !c.is_ascii() || ")}]".contains(c);
    let before = text[..at].strip_suffix('(').unwrap_or(&text[..at]);
    let money = ["\\$", "$", "€", "£", "¥"].iter().find_map(|sign| before.strip_suffix(*sign));
    let before = money.unwrap_or(before);
    let minus =
        |text: &str| ["-", "\u{2212}", "\u{2013}"].iter().find_map(|sign| text.strip_suffix(*sign)).map(str::len);
    if let Some(length) = minus(before) {
        return !before[..length].ends_with(ends_word);
    }
    let apart = before.trim_end_matches(' ');
    if let Some(length) = minus(apart) {
        return before[..length].trim_end().ends_with(['=', '≈', '(']);
    }
    let words = apart.to_ascii_lowercase();
    ["minus", "negative"].iter().filter_map(|word| words.strip_suffix(word)).any(|front| {
        !front.ends_with(|c: char| c.is_alphanumeric())
            && !front.trim_end().ends_with(|c: char| c.is_alphanumeric() && c.is_ascii_digit())
    })
}
