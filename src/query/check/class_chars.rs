//! What the classes of a pattern cost to read. Folding cases goes over the characters of each class
//! before any limit of the compiler holds: a few kilobytes of `(?i)[\x{0}-\x{10ffff}]` took minutes.
//! Invariant: the sum is no less than the characters that folding goes over, but for the classes that
//! Unicode names, which count as [`NAMED_CHARS`] each.

use std::convert::Infallible;

use regex_syntax::ast::{self, Ast, ClassSetItem, Visitor};

/// About as many characters as the largest named classes have.
const NAMED_CHARS: u64 = 1 << 17;

/// The characters of all classes in the pattern, each class by itself.
pub(super) fn class_chars(pattern: &Ast) -> u64 {
    match ast::visit(pattern, Sum(0)) {
        Ok(chars) => chars,
        Err(never) => match never {},
    }
}

struct Sum(u64);

impl Visitor for Sum {
    type Output = u64;
    type Err = Infallible;

    fn finish(self) -> Result<u64, Infallible> {
        Ok(self.0)
    }

    fn visit_pre(&mut self, ast: &Ast) -> Result<(), Infallible> {
        if matches!(ast, Ast::ClassUnicode(_) | Ast::ClassPerl(_)) {
            self.0 = self.0.saturating_add(NAMED_CHARS);
        }
        Ok(())
    }

    fn visit_class_set_item_pre(&mut self, item: &ClassSetItem) -> Result<(), Infallible> {
        let chars = match item {
            ClassSetItem::Unicode(_) | ClassSetItem::Perl(_) => NAMED_CHARS,
            ClassSetItem::Range(range) => {
                u64::from(u32::from(range.end.c).saturating_sub(u32::from(range.start.c))) + 1
            }
            _ => 1,
        };
        self.0 = self.0.saturating_add(chars);
        Ok(())
    }
}
