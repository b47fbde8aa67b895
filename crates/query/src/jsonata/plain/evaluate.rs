//! Evaluating a plain expression.

use std::rc::Rc;
use std::sync::Arc;

use stepwell_value::{Map, Value};

use super::super::limits::Limits;
use super::got::{GaveUp, Got};
use super::{Arithmetic, Each, Member, Mismatch, Node, Order, Step, functions};
use crate::Scope;

/// How much work an evaluation does before it gives up, in nodes; some milliseconds. The engine has limits of its own.
const WORK_MAX: usize = 200_000;
/// Bytes of text that count as one node.
const BYTES_OF_WORK: usize = 16;

type Outcome<'s> = Result<Got<'s>, GaveUp>;

pub(super) struct Evaluation<'s> {
    scope: &'s dyn Scope,
    locals: Vec<Got<'s>>,
    work_left: usize,
    /// The two values of different types over whose order it gave up.
    pub(super) mismatch: Option<Mismatch>,
}

impl<'s> Evaluation<'s> {
    pub(super) fn new(scope: &'s dyn Scope, locals: usize) -> Evaluation<'s> {
        Evaluation { scope, locals: vec![Got::Undefined; locals], work_left: WORK_MAX, mismatch: None }
    }

    /// The result of a whole expression. Gives up when it is larger than the limit on results.
    pub(super) fn result(
        &mut self,
        root: &Node,
        document: Option<&'s Value>,
        limits: &Limits,
    ) -> Result<Option<Value>, GaveUp> {
        let got = self.node(root, &Got::part(document))?;
        if let Got::Part(value) = got {
            return Ok(Some(value.clone())); // no larger than what it is a part of
        }
        let value = got.into_value();
        let mut bytes_left = limits.result_bytes_max;
        match value.iter().try_for_each(|value| measure(value, &mut bytes_left, stepwell_value::json::DEPTH_MAX)) {
            Some(()) => Ok(value),
            None => Err(GaveUp),
        }
    }

    /// Counts work, and gives up when there was too much.
    pub(super) fn work(&mut self, amount: usize) -> Result<(), GaveUp> {
        self.work_left = self.work_left.checked_sub(amount).ok_or(GaveUp)?;
        Ok(())
    }

    /// Counts work on a text.
    pub(super) fn work_on_text(&mut self, bytes: usize) -> Result<(), GaveUp> {
        self.work(bytes / BYTES_OF_WORK)
    }

    fn node(&mut self, node: &Node, context: &Got<'s>) -> Outcome<'s> {
        self.work(1)?;
        match node {
            Node::Literal(value) => Ok(Got::Made(value.clone())),
            Node::Number(number) => Ok(Got::Number(*number)),
            Node::Context => Ok(context.clone()),
            Node::States(member) => Ok(self.states(*member)),
            Node::Variable(name) => Ok(Got::part(self.scope.variable(name))),
            Node::Local(slot) => Ok(self.locals.get(*slot).cloned().unwrap_or(Got::Undefined)),
            Node::Name(name) => self.lookup(name, context),
            Node::Path(steps) => self.path(steps, context),
            Node::Arithmetic(op, sides) => self.arithmetic(*op, sides, context),
            Node::Equality { equal, sides } => self.equality(*equal, sides, context),
            Node::Order(order, sides) => self.order(*order, sides, context),
            Node::And(sides) => Ok(Got::Bool(self.truth(&sides[0], context)? && self.truth(&sides[1], context)?)),
            Node::Or(sides) => Ok(Got::Bool(self.truth(&sides[0], context)? || self.truth(&sides[1], context)?)),
            Node::Concatenate(sides) => self.concatenate(sides, context),
            Node::In(sides) => self.is_in(sides, context),
            Node::Range(sides) => self.range(sides, context),
            Node::Negate(operand) => match self.node(operand, context)? {
                Got::Undefined => Ok(Got::Undefined),
                operand => operand.as_number().map(|number| Got::Number(-number)).ok_or(GaveUp),
            },
            Node::Conditional(parts) => {
                let branch = if self.truth(&parts[0], context)? { &parts[1] } else { &parts[2] };
                self.node(branch, context)
            }
            Node::Array(items) => self.array(items, context),
            Node::Object(pairs) => self.object(pairs, context),
            Node::Group(input, pairs) => self.group(input, pairs, context),
            Node::Block(items) => {
                let mut last = Got::Undefined;
                for item in items {
                    last = self.node(item, context)?;
                }
                Ok(last)
            }
            Node::Bind(slot, value) => {
                let value = self.node(value, context)?;
                self.set(*slot, value.clone());
                Ok(value)
            }
            Node::Call(function, args) => self.call(*function, args, context),
            Node::Each(each, parts, slots) => self.each(*each, parts, slots, context),
        }
    }

    fn states(&self, member: Member) -> Got<'s> {
        match member {
            Member::Input => Got::Part(self.scope.input()),
            Member::Context => Got::Part(self.scope.context()),
            Member::Result => Got::part(self.scope.result()),
            Member::ErrorOutput => Got::part(self.scope.error_output()),
        }
    }

    fn set(&mut self, slot: usize, value: Got<'s>) {
        if let Some(local) = self.locals.get_mut(slot) {
            *local = value;
        }
    }

    fn truth(&mut self, node: &Node, context: &Got<'s>) -> Result<bool, GaveUp> {
        Ok(self.node(node, context)?.truth())
    }

    fn two(&mut self, sides: &[Node; 2], context: &Got<'s>) -> Result<(Got<'s>, Got<'s>), GaveUp> {
        Ok((self.node(&sides[0], context)?, self.node(&sides[1], context)?))
    }

    // Paths.

    /// The members of this name: of an object, or of all objects of an array.
    fn lookup(&mut self, name: &str, input: &Got<'s>) -> Outcome<'s> {
        let Some(length) = input.len() else { return Ok(input.member(name)) };
        self.work(length)?;
        let mut found = Vec::with_capacity(length);
        for index in 0..length {
            let item = input.item(index);
            let member = if item.is_array() { self.lookup(name, &item)? } else { item.member(name) };
            spread(member, &mut found);
        }
        Ok(Got::sequence(found))
    }

    fn path(&mut self, steps: &[Step], context: &Got<'s>) -> Outcome<'s> {
        let Some((first, rest)) = steps.split_first() else { return Ok(Got::Undefined) };
        let mut current = if context.is_array() && !first.is_variable {
            match first.node {
                Node::Name(_) => self.step(first, context)?,
                Node::States(_) | Node::Context => self.one(first, context)?,
                _ => return Err(GaveUp),
            }
        } else {
            self.one(first, context)?
        };
        for step in rest {
            match current {
                Got::Undefined => break,
                _ if current.is_array() => current = self.step(step, &current)?,
                _ => current = self.one(step, &current)?,
            }
        }
        Ok(current)
    }

    /// A step over the items of an array.
    fn step(&mut self, step: &Step, input: &Got<'s>) -> Outcome<'s> {
        let length = input.len().unwrap_or(0);
        self.work(length)?;
        let mut results: Vec<Got<'s>> = Vec::with_capacity(length);
        let mut last = Got::Undefined;
        let mut count = 0_usize;
        for index in 0..length {
            let result = match &step.node {
                Node::Name(name) if step.filters.is_empty() => {
                    let item = input.item(index);
                    if item.is_array() { self.lookup(name, &item)? } else { item.member(name) }
                }
                _ => self.one(step, &input.item(index))?,
            };
            if result.is_undefined() {
                continue;
            }
            count += 1;
            // A lone result stays the array that it is; several are spread into one sequence.
            if count == 1 {
                last = result;
                continue;
            }
            if count == 2 {
                spread(std::mem::replace(&mut last, Got::Undefined), &mut results);
            }
            spread(result, &mut results);
        }
        Ok(if count < 2 { last } else { Got::sequence(results) })
    }

    /// A step over one item.
    fn one(&mut self, step: &Step, item: &Got<'s>) -> Outcome<'s> {
        let mut result = self.node(&step.node, item)?;
        for filter in &step.filters {
            result = self.filter(filter, result)?;
        }
        Ok(result)
    }

    fn filter(&mut self, filter: &Node, input: Got<'s>) -> Outcome<'s> {
        let length = if input.is_undefined() { 1 } else { input.len().unwrap_or(1) };
        let item = |index| if input.is_array() { input.item(index) } else { input.clone() };
        if let Node::Number(number) = filter {
            return Ok(position(*number, length).map_or(Got::Undefined, item));
        }
        self.work(length)?;
        let mut kept = Vec::new();
        for index in 0..length {
            let item = item(index);
            let outcome = self.node(filter, &item)?;
            let keeps = match outcome.as_number() {
                Some(number) => position(number, length) == Some(index),
                None if outcome.is_array() => self.holds(&outcome, index, length)?,
                None => outcome.truth(),
            };
            if keeps {
                if item.is_array() || item.is_undefined() {
                    return Err(GaveUp);
                }
                kept.push(item);
            }
        }
        Ok(Got::sequence(kept))
    }

    /// Whether an array that is a predicate keeps the item: one of numbers names positions.
    fn holds(&mut self, outcome: &Got<'s>, index: usize, length: usize) -> Result<bool, GaveUp> {
        let items = outcome.items();
        self.work(items.len())?;
        let numbers: Option<Vec<f64>> = items.iter().map(Got::as_number).collect();
        match numbers {
            Some(numbers) if !numbers.is_empty() => {
                Ok(numbers.iter().any(|number| position(*number, length) == Some(index)))
            }
            _ => Ok(outcome.truth()),
        }
    }

    // Operators.

    fn arithmetic(&mut self, op: Arithmetic, sides: &[Node; 2], context: &Got<'s>) -> Outcome<'s> {
        let (one, two) = self.two(sides, context)?;
        let (one, two) = match (one.as_number(), two.as_number()) {
            (Some(one), Some(two)) => (one, two),
            (None, Some(_)) if one.is_undefined() => return Ok(Got::Undefined),
            (Some(_), None) if two.is_undefined() => return Ok(Got::Undefined),
            (None, None) if one.is_undefined() && two.is_undefined() => return Ok(Got::Undefined),
            _ => return Err(GaveUp),
        };
        Got::number(match op {
            Arithmetic::Add => one + two,
            Arithmetic::Subtract => one - two,
            Arithmetic::Multiply => one * two,
            Arithmetic::Divide => one / two,
            Arithmetic::Modulo => one % two,
        })
    }

    fn equality(&mut self, equal: bool, sides: &[Node; 2], context: &Got<'s>) -> Outcome<'s> {
        let (one, two) = self.two(sides, context)?;
        if one.is_undefined() || two.is_undefined() {
            return Ok(Got::Bool(false));
        }
        Ok(Got::Bool(same(&one, &two).ok_or(GaveUp)? == equal))
    }

    fn order(&mut self, order: Order, sides: &[Node; 2], context: &Got<'s>) -> Outcome<'s> {
        use std::cmp::Ordering::{Greater, Less};
        let (one, two) = self.two(sides, context)?;
        let ordering = if let (Some(one), Some(two)) = (one.as_number(), two.as_number()) {
            one.partial_cmp(&two)
        } else {
            let comparable = |side: &Got<'s>| {
                side.is_undefined() || side.as_number().is_some() || side.as_text().is_some_and(|text| text.is_ascii())
            };
            if !comparable(&one) || !comparable(&two) {
                return Err(GaveUp);
            }
            if one.is_undefined() || two.is_undefined() {
                return Ok(Got::Undefined);
            }
            let (Some(one), Some(two)) = (one.as_text(), two.as_text()) else {
                self.mismatch = one.into_value().zip(two.into_value()).map(|(one, two)| [one, two]);
                return Err(GaveUp);
            };
            Some(one.cmp(two))
        };
        let ordering = ordering.ok_or(GaveUp)?;
        Ok(Got::Bool(match order {
            Order::Less => ordering == Less,
            Order::LessOrEqual => ordering != Greater,
            Order::Greater => ordering == Greater,
            Order::GreaterOrEqual => ordering != Less,
        }))
    }

    fn concatenate(&mut self, sides: &[Node; 2], context: &Got<'s>) -> Outcome<'s> {
        let (one, two) = self.two(sides, context)?;
        let mut text = String::new();
        functions::write_text(&one, &mut text)?;
        functions::write_text(&two, &mut text)?;
        self.work_on_text(text.len())?;
        Ok(Got::text(text))
    }

    fn is_in(&mut self, sides: &[Node; 2], context: &Got<'s>) -> Outcome<'s> {
        let (one, many) = self.two(sides, context)?;
        if one.is_undefined() || many.is_undefined() {
            return Ok(Got::Bool(false));
        }
        let items = many.items();
        self.work(items.len())?;
        for item in &items {
            // Arrays and objects would be the same only if they were the same one.
            if same(&one, item).ok_or(GaveUp)? {
                return Ok(Got::Bool(true));
            }
        }
        Ok(Got::Bool(false))
    }

    fn range(&mut self, sides: &[Node; 2], context: &Got<'s>) -> Outcome<'s> {
        let (one, two) = self.two(sides, context)?;
        let (Some(one), Some(two)) = (one.as_number(), two.as_number()) else { return Err(GaveUp) };
        if one.fract() != 0.0 || two.fract() != 0.0 || two - one > WORK_MAX as f64 {
            return Err(GaveUp);
        }
        let length = (two - one + 1.0).max(0.0) as usize;
        self.work(length)?;
        Ok(Got::sequence((0..length).map(|index| Got::Number(one + index as f64)).collect()))
    }

    // Constructors.

    fn array(&mut self, items: &[(Node, bool)], context: &Got<'s>) -> Outcome<'s> {
        let mut made = Vec::with_capacity(items.len());
        for (item, is_array) in items {
            let item = self.node(item, context)?;
            self.work(item.len().unwrap_or(0))?;
            if *is_array { made.push(item) } else { spread(item, &mut made) }
        }
        Ok(Got::list(made))
    }

    fn object(&mut self, pairs: &[(Node, Node)], context: &Got<'s>) -> Outcome<'s> {
        if context.is_array() {
            return Err(GaveUp); // then it groups the items
        }
        let mut made = Map::with_capacity(pairs.len());
        for (key, value) in pairs {
            let key = match key {
                Node::Literal(Value::String(text)) => Arc::clone(text),
                key => match self.node(key, context)? {
                    Got::Undefined => continue,
                    key => Arc::clone(key.as_text().ok_or(GaveUp)?),
                },
            };
            if made.contains_key(&key) {
                return Err(GaveUp);
            }
            if let Some(value) = self.node(value, context)?.into_value() {
                made.insert(key, value);
            }
        }
        Ok(Got::Made(Value::Object(Arc::new(made))))
    }

    fn group(&mut self, input: &Node, pairs: &[(Node, Node)], context: &Got<'s>) -> Outcome<'s> {
        let items = self.node(input, context)?.items();
        if items.is_empty() {
            return Err(GaveUp);
        }
        let mut groups: indexmap::IndexMap<Arc<str>, (usize, Vec<Got<'s>>), foldhash::fast::FixedState> =
            indexmap::IndexMap::default();
        for item in items {
            if item.is_array() {
                return Err(GaveUp);
            }
            for (index, (key, _)) in pairs.iter().enumerate() {
                let key = self.node(key, &item)?;
                if key.is_undefined() {
                    continue;
                }
                let key = Arc::clone(key.as_text().ok_or(GaveUp)?);
                let (pair, members) = groups.entry(key).or_insert((index, Vec::new()));
                if *pair != index {
                    return Err(GaveUp);
                }
                members.push(item.clone());
            }
        }
        let mut made = Map::with_capacity(groups.len());
        for (key, (pair, members)) in groups {
            let Some((_, value)) = pairs.get(pair) else { continue };
            if let Some(value) = self.node(value, &Got::sequence(members))?.into_value() {
                made.insert(key, value);
            }
        }
        Ok(Got::Made(Value::Object(Arc::new(made))))
    }

    // Functions.

    fn call(&mut self, function: functions::Function, args: &[Node], context: &Got<'s>) -> Outcome<'s> {
        let mut got = [Got::Undefined, Got::Undefined, Got::Undefined];
        for (slot, arg) in got.iter_mut().zip(args) {
            *slot = self.node(arg, context)?;
        }
        functions::call(self, function, args.len(), &got)
    }

    fn each(&mut self, each: Each, parts: &[Node; 2], slots: &[usize], context: &Got<'s>) -> Outcome<'s> {
        let list = self.node(&parts[0], context)?;
        if list.is_undefined() {
            return Ok(Got::Undefined);
        }
        let items = list.items();
        self.work(items.len())?;
        if each == Each::Sort {
            return if items.len() < 2 { Err(GaveUp) } else { self.sort(items, &parts[1], slots, context) };
        }
        let mut made = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            let arguments = [item.clone(), Got::Number(index as f64)];
            slots.iter().zip(arguments).for_each(|(slot, argument)| self.set(*slot, argument));
            let result = self.node(&parts[1], context)?;
            match each {
                Each::Map if !result.is_undefined() => made.push(result),
                Each::Filter if result.truth() => made.push(item),
                _ => {}
            }
        }
        Ok(Got::sequence(made))
    }

    /// Sorts by merging, in JSONata's way: what is asked of the function, and in which order, decides when it is inconsistent.
    fn sort(&mut self, items: Vec<Got<'s>>, body: &Node, slots: &[usize], context: &Got<'s>) -> Outcome<'s> {
        let sorted = self.merge_sorted(&items, &mut |this, one, two| {
            slots.iter().zip([one, two]).for_each(|(slot, side)| this.set(*slot, side.clone()));
            this.truth(body, context)
        })?;
        Ok(Got::List(Rc::new(sorted)))
    }

    fn merge_sorted(
        &mut self,
        items: &[Got<'s>],
        is_after: &mut impl FnMut(&mut Evaluation<'s>, &Got<'s>, &Got<'s>) -> Result<bool, GaveUp>,
    ) -> Result<Vec<Got<'s>>, GaveUp> {
        if items.len() < 2 {
            return Ok(items.to_vec());
        }
        let (left, right) = items.split_at(items.len() / 2);
        let mut left = self.merge_sorted(left, is_after)?.into_iter().peekable();
        let mut right = self.merge_sorted(right, is_after)?.into_iter().peekable();
        let mut merged = Vec::with_capacity(items.len());
        while let (Some(one), Some(two)) = (left.peek(), right.peek()) {
            let next = if is_after(self, one, two)? { right.next() } else { left.next() };
            merged.extend(next);
        }
        merged.extend(left);
        merged.extend(right);
        Ok(merged)
    }
}

/// Adds a result to a sequence: the items of an array, any other value, nothing when undefined.
fn spread<'s>(result: Got<'s>, sequence: &mut Vec<Got<'s>>) {
    match result.len() {
        Some(length) => sequence.extend((0..length).map(|index| result.item(index))),
        None if result.is_undefined() => {}
        None => sequence.push(result),
    }
}

/// Which item a number names: rounded down, from the end when negative.
fn position(number: f64, length: usize) -> Option<usize> {
    let floor = number.floor();
    let from_start = if floor < 0.0 { floor + length as f64 } else { floor };
    (from_start >= 0.0 && from_start < length as f64).then_some(from_start as usize)
}

/// Whether two values are equal; `None` when that is not decided here.
fn same(one: &Got<'_>, two: &Got<'_>) -> Option<bool> {
    let is_compound = |side: &Got<'_>| side.is_array() || side.as_object().is_some();
    if is_compound(one) || is_compound(two) {
        return None;
    }
    Some(match (one.as_number(), two.as_number(), one.as_text(), two.as_text()) {
        (Some(one), Some(two), ..) => one == two,
        (_, _, Some(one), Some(two)) => one == two,
        _ => match (one.as_bool(), two.as_bool()) {
            (Some(one), Some(two)) => one == two,
            _ => one.is_null() && two.is_null(),
        },
    })
}

/// Takes the size of a result from what is left; `None` when that is not enough.
fn measure(value: &Value, bytes_left: &mut usize, depth_left: usize) -> Option<()> {
    let depth_left = depth_left.checked_sub(1)?;
    let mut spend = |bytes: usize| {
        *bytes_left = bytes_left.checked_sub(bytes)?;
        Some(())
    };
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => spend(1),
        Value::String(text) => spend(text.len() + 1),
        Value::Array(items) => {
            spend(3)?;
            items.iter().try_for_each(|item| measure(item, bytes_left, depth_left))
        }
        Value::Object(members) => {
            spend(3)?;
            members.iter().try_for_each(|(name, member)| {
                *bytes_left = bytes_left.checked_sub(name.len() + 3)?;
                measure(member, bytes_left, depth_left)
            })
        }
    }
}
