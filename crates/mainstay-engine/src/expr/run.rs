//! Evaluation: no allocation but for texts that are put together.

use std::borrow::Cow;
use std::cmp::Ordering;

use jiff::{SignedDuration, Timestamp};

use super::ast::{Order, Sum};
use super::code::{Code, Test};
use super::{Fact, Found, Kind, Program, Source, Value};

/// What came of a rule's condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It is true.
    Holds,
    /// It is false.
    Fails,
    /// It cannot be told.
    Untold(Untold),
}

/// Why something cannot be told: an error value of CEL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Untold {
    /// This fact is not known.
    Missing(Fact),
    /// A result is out of the range of its type, or a number was divided by zero.
    Arithmetic,
}

type Outcome<T> = Result<T, Untold>;

/// Seconds that a duration of CEL can have either way: 10,000 years, as in `google.protobuf.Duration`.
const LONGEST_SECONDS: i64 = 315_576_000_000;

/// The first second of the year 1, before which no timestamp of CEL lies.
const FIRST_SECOND: i64 = -62_135_596_800;

impl Program {
    /// Evaluates the condition.
    pub fn judge(&self, facts: &dyn Source) -> Answer {
        match bool_of(&self.code, facts) {
            Ok(true) => Answer::Holds,
            Ok(false) => Answer::Fails,
            Err(untold) => Answer::Untold(untold),
        }
    }
}

/// A length of time that CEL knows.
pub(super) fn duration(length: SignedDuration) -> Outcome<SignedDuration> {
    let within = length.unsigned_abs().as_secs() <= LONGEST_SECONDS.unsigned_abs();
    if within { Ok(length) } else { Err(Untold::Arithmetic) }
}

/// A moment that CEL knows. The last 26 hours of the year 9999 are beyond what jiff knows, and an error here.
pub(super) fn timestamp(at: Timestamp) -> Outcome<Timestamp> {
    if at.as_second() >= FIRST_SECOND { Ok(at) } else { Err(Untold::Arithmetic) }
}

fn value<'a>(code: &'a Code, facts: &'a dyn Source) -> Outcome<Value<'a>> {
    Ok(match code {
        Code::Bool(value) => Value::Bool(*value),
        Code::Int(value) => Value::Int(*value),
        Code::Double(value) => Value::Double(*value),
        Code::Text(value) => Value::Text(Cow::Borrowed(value)),
        Code::Duration(value) => Value::Duration(*value),
        Code::Timestamp(value) => Value::Timestamp(*value),
        Code::Fact(fact) => return known(*fact, facts),
        Code::Minus(of) => return negative(value(of, facts)?),
        Code::Sum(sum, two) => return add_up(*sum, value(&two[0], facts)?, value(&two[1], facts)?),
        Code::Choose(three) => {
            let chosen = if bool_of(&three[0], facts)? { &three[1] } else { &three[2] };
            return value(chosen, facts);
        }
        Code::Size(of) => Value::Int(size(&value(of, facts)?)),
        Code::ToDouble(of) => match value(of, facts)? {
            Value::Int(number) => Value::Double(number as f64),
            other => other,
        },
        Code::ToInt(of) => match value(of, facts)? {
            Value::Double(number) => Value::Int(truncated(number)?),
            other => other,
        },
        Code::Has(_)
        | Code::Not(_)
        | Code::All(_)
        | Code::Any(_)
        | Code::Same(..)
        | Code::Order(..)
        | Code::OneOf(..)
        | Code::In(_)
        | Code::Test(..) => Value::Bool(bool_of(code, facts)?),
    })
}

fn bool_of(code: &Code, facts: &dyn Source) -> Outcome<bool> {
    Ok(match code {
        Code::Not(of) => !bool_of(of, facts)?,
        Code::All(all) => return row(all, facts, false),
        Code::Any(any) => return row(any, facts, true),
        Code::Has(fact) => match facts.find(*fact) {
            Found::Known(_) => true,
            Found::None => false,
            Found::Unknown => return Err(Untold::Missing(*fact)),
        },
        Code::Same(same, two) => (value(&two[0], facts)? == value(&two[1], facts)?) == *same,
        Code::Order(order, two) => {
            let ordering = compare(&value(&two[0], facts)?, &value(&two[1], facts)?);
            ordering.is_some_and(|ordering| fits(*order, ordering))
        }
        Code::OneOf(one, others) => return one_of(&value(one, facts)?, others, facts),
        Code::In(two) => match (value(&two[0], facts)?, value(&two[1], facts)?) {
            (Value::Text(text), Value::Texts(texts)) => texts.iter().any(|one| one == text),
            _ => false,
        },
        Code::Test(test, two) => match (value(&two[0], facts)?, value(&two[1], facts)?) {
            (Value::Text(text), Value::Text(part)) => answer(*test, &text, &part),
            _ => false,
        },
        // The checker lets nothing else but a bool come here.
        other => matches!(value(other, facts)?, Value::Bool(true)),
    })
}

/// `&&` and `||`: one term that settles it settles it whatever the others are; otherwise an error remains an error.
fn row(terms: &[Code], facts: &dyn Source, settles: bool) -> Outcome<bool> {
    let mut untold = None;
    for term in terms {
        match bool_of(term, facts) {
            Ok(value) if value == settles => return Ok(settles),
            Ok(_) => {}
            Err(error) => untold = untold.or(Some(error)),
        }
    }
    untold.map_or(Ok(!settles), Err)
}

/// CEL makes the whole list before it looks into it, so that one element that cannot be told spoils it.
fn one_of(one: &Value<'_>, others: &[Code], facts: &dyn Source) -> Outcome<bool> {
    let mut found = false;
    for other in others {
        found |= value(other, facts)? == *one;
    }
    Ok(found)
}

fn known(fact: Fact, facts: &dyn Source) -> Outcome<Value<'_>> {
    match facts.find(fact) {
        Found::Known(value) => Ok(value),
        Found::Unknown => Err(Untold::Missing(fact)),
        Found::None => match fact.about().kind {
            Kind::Text | Kind::Choice(_) => Ok(Value::from("")),
            Kind::Texts => Ok(Value::Texts(super::Texts::Plain(&[]))),
            Kind::Bool | Kind::Int | Kind::Double | Kind::Duration | Kind::Timestamp => {
                Err(Untold::Missing(fact))
            }
        },
    }
}

fn compare(left: &Value<'_>, right: &Value<'_>) -> Option<Ordering> {
    use Value::*;
    match (left, right) {
        (Bool(a), Bool(b)) => Some(a.cmp(b)),
        (Int(a), Int(b)) => Some(a.cmp(b)),
        (Double(a), Double(b)) => a.partial_cmp(b),
        (Int(a), Double(b)) => compare_mixed(*a, *b),
        (Double(a), Int(b)) => compare_mixed(*b, *a).map(Ordering::reverse),
        // UTF-8 orders as the numbers of the characters do.
        (Text(a), Text(b)) => Some(a.cmp(b)),
        (Duration(a), Duration(b)) => Some(a.cmp(b)),
        (Timestamp(a), Timestamp(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

/// Numbers of different types are compared as on one line, without rounding either.
fn compare_mixed(int: i64, double: f64) -> Option<Ordering> {
    /// 2^63, the first double above every int.
    const ABOVE: f64 = 9_223_372_036_854_775_808.0;
    if double.is_nan() {
        return None;
    }
    if double >= ABOVE {
        return Some(Ordering::Less);
    }
    if double < -ABOVE {
        return Some(Ordering::Greater);
    }
    // In range now, so the cast only cuts the fraction off.
    let whole = double.trunc();
    Some(int.cmp(&(whole as i64)).then_with(|| 0.0_f64.total_cmp(&(double - whole + 0.0))))
}

fn fits(order: Order, ordering: Ordering) -> bool {
    match order {
        Order::Less => ordering.is_lt(),
        Order::LessOrSame => ordering.is_le(),
        Order::More => ordering.is_gt(),
        Order::MoreOrSame => ordering.is_ge(),
    }
}

fn answer(test: Test, text: &str, part: &str) -> bool {
    match test {
        Test::Contains => text.contains(part),
        Test::StartsWith => text.starts_with(part),
        Test::EndsWith => text.ends_with(part),
    }
}

/// Characters of a text, elements of a list.
fn size(value: &Value<'_>) -> i64 {
    let size = match value {
        Value::Text(text) => text.chars().count(),
        Value::Texts(texts) => texts.len(),
        _ => 0,
    };
    i64::try_from(size).unwrap_or(i64::MAX)
}

/// Towards zero, as CEL says.
fn truncated(number: f64) -> Outcome<i64> {
    /// 2^63; the smallest int itself is refused too, as cel-go and cel-cpp do.
    const BOUND: f64 = 9_223_372_036_854_775_808.0;
    if number.abs() < BOUND { Ok(number as i64) } else { Err(Untold::Arithmetic) }
}

fn negative(value: Value<'_>) -> Outcome<Value<'_>> {
    match value {
        Value::Int(number) => number.checked_neg().map(Value::Int).ok_or(Untold::Arithmetic),
        Value::Double(number) => Ok(Value::Double(-number)),
        other => Ok(other),
    }
}

fn add_up<'a>(sum: Sum, left: Value<'a>, right: Value<'a>) -> Outcome<Value<'a>> {
    use Value::*;
    let result = match (sum, left, right) {
        (_, Int(a), Int(b)) => ints(sum, a, b).map(Int),
        (_, Double(a), Double(b)) => Some(Double(doubles(sum, a, b))),
        (Sum::Plus, Text(a), Text(b)) => Some(Text(a + b)),
        (Sum::Plus, Duration(a), Duration(b)) => a.checked_add(b).map(Duration),
        (Sum::Minus, Duration(a), Duration(b)) => a.checked_sub(b).map(Duration),
        (Sum::Plus, Timestamp(at), Duration(by)) | (Sum::Plus, Duration(by), Timestamp(at)) => {
            at.checked_add(by).ok().map(Timestamp)
        }
        (Sum::Minus, Timestamp(at), Duration(by)) => at.checked_sub(by).ok().map(Timestamp),
        (Sum::Minus, Timestamp(a), Timestamp(b)) => Some(Duration(a.duration_since(b))),
        // The checker lets nothing else come here.
        _ => None,
    };
    match result.ok_or(Untold::Arithmetic)? {
        Duration(length) => duration(length).map(Duration),
        Timestamp(at) => timestamp(at).map(Timestamp),
        other => Ok(other),
    }
}

fn ints(sum: Sum, a: i64, b: i64) -> Option<i64> {
    match sum {
        Sum::Plus => a.checked_add(b),
        Sum::Minus => a.checked_sub(b),
        Sum::Times => a.checked_mul(b),
        Sum::Divided => a.checked_div(b),
        Sum::Remainder => a.checked_rem(b),
    }
}

fn doubles(sum: Sum, a: f64, b: f64) -> f64 {
    match sum {
        Sum::Plus => a + b,
        Sum::Minus => a - b,
        Sum::Times => a * b,
        Sum::Divided => a / b,
        // Refused by the checker, as CEL has no remainder of doubles.
        Sum::Remainder => a % b,
    }
}
