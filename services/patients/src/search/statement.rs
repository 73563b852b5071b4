//! A query that is put together of pieces of SQL, values, and what the caller may see.
//!
//! Values stand in subqueries of their own: PostgreSQL plans without knowing them, finds that a plan for all values is as
//! good as one for these, and keeps it. To plan a search costs more than to answer it.

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Integer, Text};

/// A condition on patients, as `(SELECT true FROM patients WHERE …)`.
pub type Condition = Box<dyn QueryFragment<Pg> + Send>;

/// A query with rows of the type `T`.
pub struct Statement<T> {
    pieces: Vec<Piece>,
    is_cached: bool,
    rows: std::marker::PhantomData<fn() -> T>,
}

enum Piece {
    Sql(&'static str),
    Text(String),
    Texts(Vec<String>),
    Number(i64),
    Numbers(Vec<i32>),
    Ids(Vec<i64>),
    Known(String),
    Condition(Condition),
}

impl<T> Statement<T> {
    /// Begins with some SQL.
    pub fn new(sql: &'static str) -> Self {
        Self { pieces: vec![Piece::Sql(sql)], is_cached: true, rows: std::marker::PhantomData }
    }

    /// Begins with `EXPLAIN`.
    pub fn explain(sql: &'static str) -> Self {
        Self { is_cached: false, ..Self::new("EXPLAIN (FORMAT JSON) ") }.sql(sql)
    }

    /// Goes on with SQL.
    #[must_use]
    pub fn sql(self, sql: &'static str) -> Self {
        self.with(Piece::Sql(sql))
    }

    /// A text.
    #[must_use]
    pub fn text(self, text: impl Into<String>) -> Self {
        self.with(Piece::Text(text.into()))
    }

    /// An array of texts.
    #[must_use]
    pub fn texts(self, texts: Vec<String>) -> Self {
        self.with(Piece::Texts(texts))
    }

    /// A number.
    #[must_use]
    pub fn number(self, number: i64) -> Self {
        self.with(Piece::Number(number))
    }

    /// An array of numbers.
    #[must_use]
    pub fn numbers(self, numbers: Vec<i32>) -> Self {
        self.with(Piece::Numbers(numbers))
    }

    /// An array of ids.
    #[must_use]
    pub fn ids(self, ids: Vec<i64>) -> Self {
        self.with(Piece::Ids(ids))
    }

    /// A text that the plan is to be made for.
    #[must_use]
    pub fn known(self, text: impl Into<String>) -> Self {
        self.with(Piece::Known(text.into()))
    }

    /// ` AND (…)`, where there is a condition.
    #[must_use]
    pub fn and(self, condition: Option<Condition>) -> Self {
        match condition {
            Some(condition) => self.sql(" AND (").condition(condition).sql(")"),
            None => self,
        }
    }

    /// A condition.
    #[must_use]
    pub fn condition(self, condition: Condition) -> Self {
        self.with(Piece::Condition(condition))
    }

    fn with(mut self, piece: Piece) -> Self {
        self.pieces.push(piece);
        self
    }

    /// Another one's pieces behind these.
    #[must_use]
    pub fn then<O>(mut self, other: Statement<O>) -> Self {
        self.pieces.extend(other.pieces);
        self
    }
}

impl<T> QueryFragment<Pg> for Statement<T> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        if !self.is_cached {
            out.unsafe_to_cache_prepared();
        }
        for piece in &self.pieces {
            match piece {
                Piece::Sql(sql) => out.push_sql(sql),
                Piece::Text(text) => {
                    out.push_sql("(SELECT ");
                    out.push_bind_param::<Text, _>(text)?;
                    out.push_sql(")");
                }
                Piece::Texts(texts) => {
                    out.push_sql("(SELECT ");
                    out.push_bind_param::<Array<Text>, _>(texts)?;
                    out.push_sql(")::text[]");
                }
                Piece::Number(number) => {
                    out.push_sql("(SELECT ");
                    out.push_bind_param::<BigInt, _>(number)?;
                    out.push_sql(")");
                }
                Piece::Numbers(numbers) => {
                    out.push_sql("(SELECT ");
                    out.push_bind_param::<Array<Integer>, _>(numbers)?;
                    out.push_sql(")");
                }
                Piece::Ids(ids) => {
                    out.push_sql("(SELECT ");
                    out.push_bind_param::<Array<BigInt>, _>(ids)?;
                    out.push_sql(")");
                }
                Piece::Known(text) => out.push_bind_param::<Text, _>(text)?,
                Piece::Condition(condition) => condition.walk_ast(out.reborrow())?,
            }
        }
        Ok(())
    }
}

impl<T> QueryId for Statement<T> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<T> Query for Statement<T> {
    type SqlType = T;
}
