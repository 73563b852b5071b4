//! Whose invoices a caller may see: the only way to a visible invoice.

use auth::{Action, Actor, Permit, Reach};
use chassis::problem::Problem;
use diesel::dsl::{IntoBoxed, LeftJoin};
use diesel::pg::Pg;
use diesel::prelude::*;

use crate::invoices::Status;
use crate::known::merged::any_id_of_user;
use crate::schema::{invoices, patients};

/// Whose invoices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everybody's.
    All,
    /// Those of the patient whose user this is, whichever of their merged records they were billed under; drafts are none of the patient's business yet.
    Own(i64),
}

impl Scope {
    /// As far as the caller's permit reaches. Nobody has patients in their care here, so that *care* reaches as far as
    /// *own*.
    pub const fn of<P>(permit: &Permit<P>) -> Self {
        match permit.reach {
            Reach::All => Self::All,
            Reach::Care | Reach::Own => Self::Own(permit.actor.user_id),
        }
    }
}

/// A query for invoices with their patients, where those are known.
pub type Visible = IntoBoxed<'static, LeftJoin<invoices::table, patients::table>, Pg>;

/// The invoices within a scope.
pub fn visible_to(scope: Scope) -> Visible {
    let all = invoices::table.left_join(patients::table).into_boxed();
    match scope {
        Scope::All => all,
        Scope::Own(user) => {
            all.filter(invoices::patient_id.eq(any_id_of_user(user))).filter(invoices::status.ne(Status::Draft))
        }
    }
}

/// Insists on an action beside the one in the handler's signature.
///
/// # Errors
/// 403.
pub fn require(actor: &Actor, action: Action, what: &str) -> Result<(), Problem> {
    match actor.reach(action) {
        Some(_) => Ok(()),
        None => Err(Problem::forbidden(format!("the role {} may not {what}", actor.role))),
    }
}
