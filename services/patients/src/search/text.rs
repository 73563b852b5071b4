//! The two questions that a search asks of `patients.search_text`. What depends on the searched words alone stands in a
//! subquery of its own, so that PostgreSQL works it out once per query and not once per row.

use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::{Array, Bool, Integer, Text};

use super::plan;
use crate::access::Scope;
use crate::schema::patients;

/// Whether a patient's text has a word: a part of it from three characters on, the start of a word below that; or the word is
/// the number of somebody who was merged into the patient.
#[derive(Clone, Debug)]
pub struct Mentions {
    word: String,
    /// As `patient_words` has it, where the word is a whole number, with as many zeros as ours have.
    number: Option<String>,
    /// Whether the e-mail address counts: who is not shown it is not told by a search whose it is.
    is_with_mail: bool,
}

impl Mentions {
    /// This word, in what the scope shows.
    pub fn of(word: &str, scope: &Scope) -> Self {
        let digits = word.strip_prefix(['p', 'P']).unwrap_or(word);
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let number = is_number.then(|| plan::number(digits)).flatten();
        Self { word: word.to_owned(), number, is_with_mail: scope.shows_details() }
    }
}

/// How well a patient's text answers the searched words; more is better.
#[derive(Clone, Debug)]
pub struct Rank(pub Vec<String>);

impl QueryFragment<Pg> for Mentions {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("(patients.search_text LIKE (SELECT word_pattern(");
        out.push_bind_param::<Text, _>(&self.word)?;
        out.push_sql("))");
        // As well, and not instead: the index is over the whole text.
        if !self.is_with_mail {
            out.push_sql(" AND replace(patients.search_text, ' ' || coalesce(lower(patients.email), '') || ' ', ' ') LIKE (SELECT word_pattern(");
            out.push_bind_param::<Text, _>(&self.word)?;
            out.push_sql("))");
        }
        if let Some(number) = &self.number {
            // Their own, which the text may have with other zeros, or the survivor's.
            out.push_sql(
                " OR patients.id = ANY (ARRAY(SELECT -known.recency FROM patient_words AS known WHERE known.word = ",
            );
            out.push_bind_param::<Text, _>(number)?;
            out.push_sql("))");
        }
        out.push_sql(")");
        Ok(())
    }
}

impl QueryFragment<Pg> for Rank {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("match_rank(patients.search_text, (SELECT fold_words(");
        out.push_bind_param::<Array<Text>, _>(&self.0)?;
        out.push_sql(")))");
        Ok(())
    }
}

impl Expression for Mentions {
    type SqlType = Bool;
}

impl Expression for Rank {
    type SqlType = Integer;
}

macro_rules! of_patients {
    ($($question:ty),+) => {$(
        impl QueryId for $question {
            type QueryId = ();
            const HAS_STATIC_QUERY_ID: bool = false;
        }

        impl ValidGrouping<()> for $question {
            type IsAggregate = is_aggregate::No;
        }

        impl AppearsOnTable<patients::table> for $question {}
        impl SelectableExpression<patients::table> for $question {}
    )+};
}

of_patients!(Mentions, Rank);
