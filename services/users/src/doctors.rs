//! `GET doctors/`, `GET doctors/{id}/`: whom one can see, for any signed-in user.

use actix_web::{HttpRequest, get, web};
use auth::Permit;
use auth::permissions::DoctorList;
use chassis::etag::Etagged;
use chassis::page::{self, Page, PageRequest, Position};
use chassis::phi::Phi;
use chassis::problem::Problem;
use chassis::strict_json::{Fault, Faults, StrictQuery};
use deserr::Deserr;
use diesel::dsl::sql;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Bool, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::error::Error;
use crate::listing::{self, like};
use crate::schema::users;
use crate::user::User;

/// A doctor as everyone sees them.
#[derive(Debug, Serialize, ToSchema)]
pub struct Doctor {
    /// Id of the account.
    id: i64,
    /// Given name.
    #[schema(value_type = String)]
    first_name: Phi<String>,
    /// Family name; empty for people who use one name.
    #[schema(value_type = String)]
    last_name: Phi<String>,
    /// Field of medicine.
    specialization: String,
    /// Department of the hospital.
    department: String,
    /// False once they no longer work here.
    is_active: bool,
}

/// What a list of doctors can be asked for.
#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Parameters {
    /// Words, each in name, specialization or department, in any order and case.
    #[deserr(default, try_from(String) = listing::search -> Fault)]
    #[param(value_type = Option<String>)]
    search: Vec<String>,
    /// Exactly this field of medicine, in any case.
    #[deserr(default, try_from(String) = listing::text -> Fault)]
    specialization: Option<String>,
    /// Exactly this department, in any case.
    #[deserr(default, try_from(String) = listing::text -> Fault)]
    department: Option<String>,
    /// `last_name` or `-last_name`.
    #[deserr(default, try_from(String) = descending -> Fault)]
    #[param(value_type = Option<String>)]
    ordering: bool,
    /// From 1.
    #[deserr(default, try_from(String) = listing::number -> Fault)]
    page: Option<u64>,
    /// 20, at most 100.
    #[deserr(default, try_from(String) = listing::number -> Fault)]
    page_size: Option<u64>,
    /// From `next` or `previous`.
    #[deserr(default)]
    cursor: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Filters {
    search: Vec<String>,
    specialization: Option<String>,
    department: Option<String>,
    descending: bool,
}

/// List the hospital's active doctors.
#[utoipa::path(
    tag = "users",
    params(Parameters),
    responses(
        (status = 200, description = "a page of doctors", body = Page<Doctor>),
        (status = 400, description = "bad or unknown parameters"),
        (status = 401, description = "no, bad or expired token"),
    ),
)]
#[get("/api/users/doctors/")]
pub async fn list(
    http: HttpRequest,
    _permit: Permit<DoctorList>,
    StrictQuery(asked): StrictQuery<Parameters>,
    app: web::Data<App>,
) -> Result<web::Json<Page<Doctor>>, Problem> {
    let filters = Filters {
        search: asked.search,
        specialization: asked.specialization,
        department: asked.department,
        descending: asked.ordering,
    };
    let request = page::request(&app.cursor_key, filters, asked.page, asked.page_size, asked.cursor)?;
    let mut conn = app.conn().await?;
    let count = page::count_of(&mut conn, || matching(&request.filters).select(users::id)).await?;
    let rows = rows(&mut conn, &request).await?;
    let page = page::answer(&http, &app.cursor_key, &request, rows, count, position)?;
    Ok(web::Json(listing::map(page, Doctor::of)))
}

/// Read one doctor, active or not.
#[utoipa::path(
    tag = "users",
    responses(
        (status = 200, description = "the doctor", body = Doctor, headers(("ETag"))),
        (status = 304, description = "unchanged since If-None-Match"),
        (status = 401, description = "no, bad or expired token"),
        (status = 404, description = "no such doctor"),
    ),
)]
#[get("/api/users/doctors/{id:-?[0-9]+}/")]
pub async fn read(
    _permit: Permit<DoctorList>,
    id: web::Path<i64>,
    app: web::Data<App>,
) -> Result<Etagged<Doctor>, Problem> {
    let found = User::find(&mut *app.conn().await?, id.into_inner()).await?;
    let user = found.filter(|user| user.specialization.is_some()).ok_or(Error::NotFound("doctor"))?;
    Ok(Etagged { version: user.version, body: Doctor::of(user) })
}

impl Doctor {
    fn of(user: User) -> Self {
        Self {
            id: user.id,
            first_name: user.first_name,
            last_name: user.last_name,
            specialization: user.specialization.unwrap_or_default(),
            department: user.department.unwrap_or_default(),
            is_active: user.is_active,
        }
    }
}

type Matching = users::BoxedQuery<'static, Pg>;

fn matching(filters: &Filters) -> Matching {
    let mut query = users::table.filter(ActiveDoctor).into_boxed();
    for word in &filters.search {
        let words = sql::<Text>("concat_ws(' ', first_name, last_name, specialization, department)");
        query = query.filter(words.ilike(like(word)));
    }
    if let Some(specialization) = &filters.specialization {
        query = query
            .filter(sql::<Bool>("lower(specialization) = lower(").bind::<Text, _>(specialization.clone()).sql(")"));
    }
    if let Some(department) = &filters.department {
        query = query.filter(sql::<Bool>("lower(department) = lower(").bind::<Text, _>(department.clone()).sql(")"));
    }
    query
}

/// Who is listed, in so many words, as the index `users_doctors` has it: by values that it does not know beforehand PostgreSQL
/// would look through all accounts. Not `sql`, which is planned anew each time.
#[derive(Debug, Clone, Copy)]
struct ActiveDoctor;

impl QueryFragment<Pg> for ActiveDoctor {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("(users.role = 'DOCTOR' AND users.is_active)");
        Ok(())
    }
}

impl Expression for ActiveDoctor {
    type SqlType = Bool;
}

impl QueryId for ActiveDoctor {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl ValidGrouping<()> for ActiveDoctor {
    type IsAggregate = is_aggregate::Never;
}

impl AppearsOnTable<users::table> for ActiveDoctor {}
impl SelectableExpression<users::table> for ActiveDoctor {}

/// The order is that of the index `users_doctors`.
async fn rows(conn: &mut AsyncPgConnection, request: &PageRequest<Filters>) -> Result<Vec<User>, Error> {
    let backward = matches!(request.position, Position::Before(_));
    let descending = request.filters.descending != backward;
    let mut query = matching(&request.filters).limit(request.size.saturating_add(1));
    match &request.position {
        Position::First => {}
        Position::Offset(rows) => query = query.offset(*rows),
        Position::After(at) | Position::Before(at) => {
            let (last, first, id): (String, String, i64) = listing::position(at)?;
            let beyond = if descending { "<" } else { ">" };
            query = query.filter(
                sql::<Bool>(&format!("(lower(last_name), lower(first_name), id) {beyond} (lower("))
                    .bind::<Text, _>(last)
                    .sql("), lower(")
                    .bind::<Text, _>(first)
                    .sql("), ")
                    .bind::<BigInt, _>(id)
                    .sql(")"),
            );
        }
    }
    let direction = if descending { "DESC" } else { "ASC" };
    let order = format!("lower(last_name) {direction}, lower(first_name) {direction}, id {direction}");
    Ok(query.order(sql::<Text>(&order)).select(User::as_select()).load(conn).await?)
}

fn position(user: &User) -> Value {
    json!([user.last_name, user.first_name, user.id])
}

/// Whether it is descending.
fn descending(text: String) -> Result<bool, Fault> {
    match text.as_str() {
        "last_name" => Ok(false),
        "-last_name" => Ok(true),
        _ => Err(Fault::new("unknown_value", "must be last_name or -last_name")),
    }
}
