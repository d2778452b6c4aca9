//! Names and types, before anything is evaluated: every fault is told, each at its place.

use std::fmt;

use jiff::SignedDuration;

use super::ast::{Node, Operator, Order, Part, Sum, Word};
use super::code::{Code, Test};
use super::{Fact, Kind, Located, Presence, run, suggestion};

/// What a part of an expression is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Bool,
    Int,
    Double,
    Text,
    Duration,
    Timestamp,
    Texts,
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Type::Bool => "a bool",
            Type::Int => "an int",
            Type::Double => "a double",
            Type::Text => "a string",
            Type::Duration => "a duration",
            Type::Timestamp => "a timestamp",
            Type::Texts => "a list of strings",
        })
    }
}

/// A checked part. `None` in its place means that its fault was told.
struct Checked {
    code: Code,
    of: Type,
    /// The fact whose words it can be, when it is a choice and nothing else.
    choice: Option<Fact>,
}

impl Checked {
    fn new(code: Code, of: Type) -> Checked {
        Checked { code, of, choice: None }
    }

    fn is(code: Code) -> Checked {
        Checked::new(code, Type::Bool)
    }
}

/// Checks a whole expression, which has to be a question.
pub(super) fn question(tree: &Node) -> Result<Code, Vec<Located>> {
    let mut checker = Checker { faults: Vec::new() };
    let checked = checker.wanted(tree, Type::Bool, "a rule asks a question");
    match checked {
        Some(checked) if checker.faults.is_empty() => Ok(checked.code),
        _ => Err(checker.faults),
    }
}

struct Checker {
    faults: Vec<Located>,
}

impl Checker {
    fn fault<T>(&mut self, node: &Node, message: impl Into<String>, hint: impl Into<String>) -> Option<T> {
        self.faults.push(Located::new(node.span.clone(), message, hint));
        None
    }

    fn check(&mut self, node: &Node) -> Option<Checked> {
        match &node.part {
            Part::Bool(value) => Some(Checked::is(Code::Bool(*value))),
            Part::Int(value) => Some(Checked::new(Code::Int(*value), Type::Int)),
            Part::Double(value) => Some(Checked::new(Code::Double(*value), Type::Double)),
            Part::Text(text) => Some(Checked::new(Code::Text(text.as_str().into()), Type::Text)),
            Part::Name(_) | Part::Field(..) => {
                let fact = self.fact(node)?;
                Some(checked_fact(fact))
            }
            Part::Call(on, name, arguments) => self.call(node, on.as_deref(), name, arguments),
            Part::List(_) => {
                let hint = "as in `verdict in [\"down\", \"degraded\"]`";
                self.fault(node, "a list can stand only behind `in`", hint)
            }
            Part::Not(of) => {
                let of = self.wanted(of, Type::Bool, "`!` turns a bool around")?;
                Some(Checked::is(Code::Not(of.code.into())))
            }
            Part::Minus(of) => self.minus(of),
            Part::All(row) => Some(Checked::is(Code::All(self.row(row, "&&")?))),
            Part::Any(row) => Some(Checked::is(Code::Any(self.row(row, "||")?))),
            Part::Binary(left, operator, right) => self.binary(node, left, *operator, right),
            Part::Choose(three) => self.choose(node, three),
        }
    }

    fn wanted(&mut self, node: &Node, wanted: Type, why: &str) -> Option<Checked> {
        let checked = self.check(node)?;
        if checked.of == wanted {
            return Some(checked);
        }
        let hint = match (wanted, checked.of) {
            (Type::Bool, Type::Int | Type::Double | Type::Text | Type::Duration) => {
                "compare it with something"
            }
            _ => "",
        };
        self.fault(node, format!("{why}, and this is {}", checked.of), hint)
    }

    fn row(&mut self, row: &[Node], sign: &str) -> Option<Box<[Code]>> {
        let why = format!("`{sign}` joins bools");
        // All are checked before one that is wrong spoils the whole, so that every fault is told.
        let checked: Vec<_> = row.iter().map(|one| self.wanted(one, Type::Bool, &why)).collect();
        checked.into_iter().map(|one| one.map(|one| one.code)).collect()
    }

    /// Both sides, so that the faults of both are told.
    fn both(&mut self, left: &Node, right: &Node) -> Option<(Checked, Checked)> {
        let (left, right) = (self.check(left), self.check(right));
        Some((left?, right?))
    }

    fn fact(&mut self, node: &Node) -> Option<Fact> {
        let Some(path) = node.path() else {
            return self.fault(
                node,
                "only facts have fields",
                "write the name of a fact, such as tls.days_left",
            );
        };
        if let Some(fact) = Fact::named(&path) {
            return Some(fact);
        }
        let names: Vec<_> = Fact::ALL.iter().map(|fact| fact.about().name).collect();
        let group: Vec<_> = names.iter().copied().filter(|name| is_within(name, &path)).collect();
        if !group.is_empty() {
            return self.fault(
                node,
                format!("`{path}` is a group of facts"),
                format!("they are {}", group.join(", ")),
            );
        }
        self.fault(node, format!("there is no fact `{path}`"), unknown_fact(&path, &names))
    }

    fn minus(&mut self, node: &Node) -> Option<Checked> {
        let of = self.check(node)?;
        match of.of {
            Type::Int | Type::Double => Some(Checked::new(Code::Minus(of.code.into()), of.of)),
            other => self.fault(node, format!("`-` takes a number, and this is {other}"), ""),
        }
    }

    fn choose(&mut self, node: &Node, [condition, yes, no]: &[Node; 3]) -> Option<Checked> {
        let condition = self.wanted(condition, Type::Bool, "what stands before `?` is a question");
        let (yes, no) = self.both(yes, no)?;
        let condition = condition?;
        if yes.of != no.of {
            let message = format!("the two sides of `:` are {} and {}", yes.of, no.of);
            return self.fault(node, message, "both have to be of one type");
        }
        Some(Checked::new(Code::Choose(Box::new([condition.code, yes.code, no.code])), yes.of))
    }

    fn binary(&mut self, node: &Node, left: &Node, operator: Operator, right: &Node) -> Option<Checked> {
        match operator {
            Operator::Same | Operator::Other => self.same(node, left, operator, right),
            Operator::Order(order) => self.order(node, left, order, right),
            Operator::Sum(sum) => self.sum(node, left, sum, right),
            Operator::In => self.within(node, left, right),
        }
    }

    fn same(&mut self, node: &Node, left: &Node, operator: Operator, right: &Node) -> Option<Checked> {
        let (a, b) = self.both(left, right)?;
        if a.of != b.of || a.of == Type::Texts {
            return self.unlike(node, operator, (&a, left), (&b, right));
        }
        self.possible(&a, right)?;
        self.possible(&b, left)?;
        Some(Checked::is(Code::Same(operator == Operator::Same, Box::new([a.code, b.code]))))
    }

    fn order(&mut self, node: &Node, left: &Node, order: Order, right: &Node) -> Option<Checked> {
        let (a, b) = self.both(left, right)?;
        let numbers = |of| matches!(of, Type::Int | Type::Double);
        let alike = a.of == b.of && a.of != Type::Texts || numbers(a.of) && numbers(b.of);
        if !alike {
            return self.unlike(node, Operator::Order(order), (&a, left), (&b, right));
        }
        if let Some(fact) = a.choice.or(b.choice) {
            let hint =
                "CEL would compare them by the alphabet: list those you mean, as in `x in [\"a\", \"b\"]`";
            return self.fault(node, format!("the words of {} have no order", fact.about().name), hint);
        }
        Some(Checked::is(Code::Order(order, Box::new([a.code, b.code]))))
    }

    fn sum(&mut self, node: &Node, left: &Node, sum: Sum, right: &Node) -> Option<Checked> {
        let (a, b) = self.both(left, right)?;
        match type_of_sum(sum, a.of, b.of) {
            Some(of) => Some(Checked::new(Code::Sum(sum, Box::new([a.code, b.code])), of)),
            None => self.unlike(node, Operator::Sum(sum), (&a, left), (&b, right)),
        }
    }

    fn within(&mut self, node: &Node, left: &Node, right: &Node) -> Option<Checked> {
        if let Part::List(elements) = &right.part {
            return self.one_of(left, elements);
        }
        let (a, b) = self.both(left, right)?;
        match (a.of, b.of) {
            (Type::Text, Type::Texts) => Some(Checked::is(Code::In(Box::new([a.code, b.code])))),
            (_, Type::Texts) => self.fault(left, format!("this list has strings, and this is {}", a.of), ""),
            (_, other) => {
                let hint =
                    if other == Type::Text { "for a part of a string write x.contains(\"…\")" } else { "" };
                self.fault(node, format!("`in` looks into a list, and this is {other}"), hint)
            }
        }
    }

    fn one_of(&mut self, left: &Node, elements: &[Node]) -> Option<Checked> {
        let one = self.check(left);
        let checked: Vec<_> = elements.iter().map(|element| self.check(element)).collect();
        let one = one?;
        let mut codes = Vec::with_capacity(elements.len());
        let mut fine = true;
        for (element, node) in checked.into_iter().zip(elements) {
            let Some(element) = element else {
                fine = false;
                continue;
            };
            if element.of != one.of {
                let message = format!("this is {}, and it is looked for {}", element.of, one.of);
                fine = self.fault::<()>(node, message, like(one.of, element.of)).is_some();
            } else if self.possible(&one, node).is_none() {
                fine = false;
            }
            codes.push(element.code);
        }
        fine.then(|| Checked::is(Code::OneOf(one.code.into(), codes.into())))
    }

    /// A choice is compared with a word that it can be. Comparing a choice with what was put together is left alone.
    fn possible(&mut self, choice: &Checked, other: &Node) -> Option<()> {
        let (Some(fact), Part::Text(word)) = (choice.choice, &other.part) else { return Some(()) };
        let About { name, words, may_be_empty } = about(fact);
        if words.contains(&word.as_str()) || word.is_empty() && may_be_empty {
            return Some(());
        }
        self.fault(other, format!("{name} is never {word:?}"), suggestion(word, &words))
    }

    fn unlike<T>(
        &mut self,
        node: &Node,
        operator: Operator,
        (a, left): (&Checked, &Node),
        (b, right): (&Checked, &Node),
    ) -> Option<T> {
        let message = format!("`{}` cannot take {} and {}", operator.as_str(), a.of, b.of);
        let hint = match (&left.part, &right.part) {
            (_, Part::Int(number)) if a.of == Type::Double => format!("write {number}.0"),
            (Part::Int(number), _) if b.of == Type::Double => format!("write {number}.0"),
            _ if a.of == Type::Int && b.of == Type::Double || a.of == Type::Double && b.of == Type::Int => {
                "CEL does not mix them: write double(…) around the int".to_owned()
            }
            _ if a.of == Type::Duration || a.of == Type::Timestamp => like(a.of, b.of).to_owned(),
            _ => like(b.of, a.of).to_owned(),
        };
        self.fault(node, message, hint)
    }

    fn call(&mut self, node: &Node, on: Option<&Node>, name: &Word, arguments: &[Node]) -> Option<Checked> {
        match (on, name.text.as_str(), arguments) {
            (None, "has", [fact]) => self.has(fact),
            (None, "size", [of]) | (Some(of), "size", []) => self.size(of),
            (None, "duration", [text]) => self.duration(text),
            (None, "timestamp", [text]) => self.timestamp(text),
            (None, "double", [of]) => self.converted(of, Type::Double),
            (None, "int", [of]) => self.converted(of, Type::Int),
            (Some(text), "contains", [part]) => self.test(Test::Contains, text, part),
            (Some(text), "startsWith", [part]) => self.test(Test::StartsWith, text, part),
            (Some(text), "endsWith", [part]) => self.test(Test::EndsWith, text, part),
            _ => self.not_callable(node, on.is_some(), name),
        }
    }

    fn not_callable(&mut self, node: &Node, is_method: bool, name: &Word) -> Option<Checked> {
        let word = name.text.as_str();
        if let Some((_, usage)) = FUNCTIONS.iter().find(|(known, _)| *known == word) {
            return self.fault(node, format!("`{word}` is not called so"), format!("write {usage}"));
        }
        let (message, hint) = if word == "matches" {
            let hint = "use contains, startsWith or endsWith";
            ("regular expressions are not taken here".to_owned(), hint.to_owned())
        } else if NOT_TAKEN.contains(&word) {
            (format!("`{word}` is a part of CEL that is not taken here"), String::new())
        } else {
            let what = if is_method { "method" } else { "function" };
            let known: Vec<_> = FUNCTIONS.iter().map(|(known, _)| *known).collect();
            (format!("there is no {what} `{word}`"), suggestion(word, &known))
        };
        self.faults.push(Located::new(name.span.clone(), message, hint));
        None
    }

    /// CEL's `has` takes a selection: a fact with a dot in its name. Those without are always there.
    fn has(&mut self, node: &Node) -> Option<Checked> {
        let fact = self.fact(node)?;
        if !matches!(node.part, Part::Field(..)) {
            return self.fault(node, format!("`{}` is always there", fact.about().name), "leave has() out");
        }
        Some(Checked::is(match fact.about().presence {
            Presence::Always => Code::Bool(true),
            Presence::Sometimes => Code::Has(fact),
        }))
    }

    fn size(&mut self, node: &Node) -> Option<Checked> {
        let of = self.check(node)?;
        match of.of {
            Type::Text | Type::Texts => Some(Checked::new(Code::Size(of.code.into()), Type::Int)),
            other => self.fault(node, format!("`size` counts a string or a list, and this is {other}"), ""),
        }
    }

    fn test(&mut self, test: Test, text: &Node, part: &Node) -> Option<Checked> {
        let why = "this method compares strings";
        let (text, part) = (self.wanted(text, Type::Text, why), self.wanted(part, Type::Text, why));
        Some(Checked::is(Code::Test(test, Box::new([text?.code, part?.code]))))
    }

    fn converted(&mut self, node: &Node, to: Type) -> Option<Checked> {
        let of = self.check(node)?;
        let code = match (to, of.of) {
            (Type::Double, Type::Int | Type::Double) => Code::ToDouble(of.code.into()),
            (Type::Int, Type::Int | Type::Double) => Code::ToInt(of.code.into()),
            (_, other) => {
                return self.fault(node, format!("this takes a number, and this is {other}"), "");
            }
        };
        Some(Checked::new(code, to))
    }

    fn duration(&mut self, node: &Node) -> Option<Checked> {
        let text = self.literal(node, "duration", "\"5m\"")?;
        match duration_of(text) {
            Some(length) => Some(Checked::new(Code::Duration(length), Type::Duration)),
            None => {
                let hint = "write hours, minutes and seconds, such as \"1h30m\", \"5m\" or \"48h\"; CEL knows no days";
                self.fault(node, format!("{text:?} is no length of time"), hint)
            }
        }
    }

    fn timestamp(&mut self, node: &Node) -> Option<Checked> {
        let text = self.literal(node, "timestamp", "\"2030-01-31T00:00:00Z\"")?;
        match timestamp_of(text) {
            Some(at) => Some(Checked::new(Code::Timestamp(at), Type::Timestamp)),
            None => {
                let hint = "write date, time and zone as in \"2030-01-31T00:00:00Z\"";
                self.fault(node, format!("{text:?} is no moment"), hint)
            }
        }
    }

    /// These are read when the expression is, so that a slip in them is found then.
    fn literal<'n>(&mut self, node: &'n Node, function: &str, example: &str) -> Option<&'n str> {
        match &node.part {
            Part::Text(text) => Some(text),
            _ => self.fault(
                node,
                format!("`{function}` takes a text in quotes"),
                format!("such as {function}({example})"),
            ),
        }
    }
}

/// What can be called, and how.
const FUNCTIONS: [(&str, &str); 9] = [
    ("has", "has(tls.days_left)"),
    ("size", "size(x) with a string or a list"),
    ("duration", "duration(\"5m\")"),
    ("timestamp", "timestamp(\"2030-01-31T00:00:00Z\")"),
    ("double", "double(x)"),
    ("int", "int(x)"),
    ("contains", "x.contains(\"…\")"),
    ("startsWith", "x.startsWith(\"…\")"),
    ("endsWith", "x.endsWith(\"…\")"),
];

/// The rest of CEL's standard definitions and macros, so that they are not called unknown.
const NOT_TAKEN: [&str; 24] = [
    "all",
    "exists",
    "exists_one",
    "filter",
    "map",
    "bool",
    "bytes",
    "dyn",
    "string",
    "type",
    "uint",
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getFullYear",
    "getHours",
    "getMilliseconds",
    "getMinutes",
    "getMonth",
    "getSeconds",
    "cel",
    "optional",
    "existsOne",
];

struct About {
    name: &'static str,
    words: Vec<&'static str>,
    may_be_empty: bool,
}

fn about(fact: Fact) -> About {
    let about = fact.about();
    let words = match about.kind {
        Kind::Choice(words) => words(),
        _ => Vec::new(),
    };
    About { name: about.name, words, may_be_empty: about.presence == Presence::Sometimes }
}

fn checked_fact(fact: Fact) -> Checked {
    let of = match fact.about().kind {
        Kind::Bool => Type::Bool,
        Kind::Int => Type::Int,
        Kind::Double => Type::Double,
        Kind::Text | Kind::Choice(_) => Type::Text,
        Kind::Duration => Type::Duration,
        Kind::Timestamp => Type::Timestamp,
        Kind::Texts => Type::Texts,
    };
    let choice = matches!(fact.about().kind, Kind::Choice(_)).then_some(fact);
    Checked { code: Code::Fact(fact), of, choice }
}

fn is_within(name: &str, group: &str) -> bool {
    name.strip_prefix(group).is_some_and(|rest| rest.starts_with('.'))
}

/// A slip in one word, or a fact whose group was left out.
pub(super) fn unknown_fact(path: &str, names: &[&str]) -> String {
    if let Some(near) = mainstay_model::nearest(path, names.iter().copied()) {
        return format!("did you mean `{near}`?");
    }
    let last = |name: &str| name.rsplit('.').next() == path.rsplit('.').next();
    if let Some(namesake) = names.iter().find(|name| last(name)) {
        return format!("did you mean `{namesake}`?");
    }
    let group = path.split('.').next().unwrap_or(path);
    let siblings: Vec<_> = names.iter().copied().filter(|name| is_within(name, group)).collect();
    if siblings.is_empty() {
        return "docs/rules.md lists the facts".to_owned();
    }
    format!("known are {}", siblings.join(", "))
}

/// How a value would be written that fits.
fn like(wanted: Type, given: Type) -> &'static str {
    match (wanted, given) {
        (Type::Duration, Type::Int | Type::Double | Type::Text) => {
            "write a length of time as duration(\"5m\")"
        }
        (Type::Timestamp, Type::Int | Type::Double | Type::Text) => {
            "write a moment as timestamp(\"2030-01-31T00:00:00Z\")"
        }
        (Type::Text, Type::Int | Type::Double | Type::Bool) => "a string stands in quotes",
        (Type::Int | Type::Double, Type::Text) => "a number stands without quotes",
        _ => "both have to be of one type",
    }
}

fn type_of_sum(sum: Sum, a: Type, b: Type) -> Option<Type> {
    use Type::*;
    match (sum, a, b) {
        (_, Int, Int) => Some(Int),
        (Sum::Plus | Sum::Minus | Sum::Times | Sum::Divided, Double, Double) => Some(Double),
        (Sum::Plus, Text, Text) => Some(Text),
        (Sum::Plus | Sum::Minus, Duration, Duration) => Some(Duration),
        (Sum::Plus, Timestamp, Duration) | (Sum::Plus, Duration, Timestamp) => Some(Timestamp),
        (Sum::Minus, Timestamp, Duration) => Some(Timestamp),
        (Sum::Minus, Timestamp, Timestamp) => Some(Duration),
        _ => None,
    }
}

/// CEL's durations: numbers with a fraction and one of the units h, m, s, ms, us, ns, in a row, with one sign before all; or `0`.
fn duration_of(text: &str) -> Option<SignedDuration> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if digits == "0" {
        return Some(SignedDuration::ZERO);
    }
    let mut rest = digits;
    let mut nanoseconds: i128 = 0;
    loop {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(end);
        let letters = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        nanoseconds = nanoseconds.checked_add(portion(number, unit)?)?;
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    let signed = if negative { -nanoseconds } else { nanoseconds };
    let seconds = i64::try_from(signed / 1_000_000_000).ok()?;
    let length = SignedDuration::new(seconds, i32::try_from(signed % 1_000_000_000).ok()?);
    run::duration(length).ok()
}

/// Nanoseconds of `1.5` and `h`. Parts of a nanosecond are cut off.
fn portion(number: &str, unit: &str) -> Option<i128> {
    let scale: i128 = match unit {
        "h" => 3_600_000_000_000,
        "m" => 60_000_000_000,
        "s" => 1_000_000_000,
        "ms" => 1_000_000,
        "us" => 1_000,
        "ns" => 1,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') || fraction.len() > 18 {
        return None;
    }
    let parsed = |digits: &str| if digits.is_empty() { Some(0) } else { digits.parse::<i128>().ok() };
    let tenths = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let fraction = parsed(fraction)?.checked_mul(scale)? / tenths;
    parsed(whole)?.checked_mul(scale)?.checked_add(fraction)
}

/// RFC 3339, with the zone that CEL wants.
fn timestamp_of(text: &str) -> Option<jiff::Timestamp> {
    let shape = text.len() >= 20 && text.as_bytes().get(10) == Some(&b'T') && !text.contains(['[', ' ']);
    let zone = text.ends_with('Z') || text.get(text.len().saturating_sub(6)..)?.starts_with(['+', '-']);
    let parsed = text.parse().ok().filter(|_| shape && zone && text.is_ascii())?;
    run::timestamp(parsed).ok()
}
