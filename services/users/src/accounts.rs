//! `GET /`, `GET {id}/`: all accounts, for administrators.

use actix_web::{HttpRequest, get, web};
use auth::permissions::UserAdmin;
use auth::{Permit, Role};
use chassis::etag::Etagged;
use chassis::page::{self, Page, PageRequest, Position};
use chassis::problem::Problem;
use chassis::strict_json::{Fault, Faults, StrictQuery};
use deserr::Deserr;
use diesel::dsl::{not, sql};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::IntoParams;

use crate::app::App;
use crate::error::Error;
use crate::listing::{self, like};
use crate::schema::users;
use crate::user::{User, UserView};

/// What a list of accounts can be asked for.
#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Parameters {
    /// Words, each in username, email or name, in any order and case.
    #[deserr(default, try_from(String) = listing::search -> Fault)]
    #[param(value_type = Option<String>)]
    search: Vec<String>,
    /// Only this role.
    #[deserr(default, try_from(String) = one_role -> Fault)]
    role: Option<Role>,
    /// Only active ones, or only inactive ones.
    #[deserr(default, try_from(String) = listing::number -> Fault)]
    is_active: Option<bool>,
    /// `id` or `-id`.
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
    role: Option<Role>,
    is_active: Option<bool>,
    descending: bool,
}

/// List accounts.
#[utoipa::path(
    tag = "users",
    params(Parameters),
    responses(
        (status = 200, description = "a page of accounts", body = Page<UserView>),
        (status = 400, description = "bad or unknown parameters"),
        (status = 401, description = "no, bad or expired token"),
        (status = 403, description = "not an ADMIN"),
    ),
)]
#[get("/api/users/")]
pub async fn list(
    http: HttpRequest,
    _permit: Permit<UserAdmin>,
    StrictQuery(asked): StrictQuery<Parameters>,
    app: web::Data<App>,
) -> Result<web::Json<Page<UserView>>, Problem> {
    let filters =
        Filters { search: asked.search, role: asked.role, is_active: asked.is_active, descending: asked.ordering };
    let request = page::request(&app.cursor_key, filters, asked.page, asked.page_size, asked.cursor)?;
    let mut conn = app.conn().await?;
    let count = page::count_of(&mut conn, || matching(&request.filters).select(users::id)).await?;
    let rows = rows(&mut conn, &request).await?;
    let views: Vec<UserView> = rows.iter().map(User::view).collect::<Result<_, Error>>()?;
    let page = page::answer(&http, &app.cursor_key, &request, views, count, position)?;
    Ok(web::Json(page))
}

/// Read one account.
#[utoipa::path(
    tag = "users",
    responses(
        (status = 200, description = "the account", body = UserView, headers(("ETag"))),
        (status = 304, description = "unchanged since If-None-Match"),
        (status = 401, description = "no, bad or expired token"),
        (status = 403, description = "not an ADMIN"),
        (status = 404, description = "no such account"),
    ),
)]
#[get("/api/users/{id:-?[0-9]+}/")]
pub async fn read(
    _permit: Permit<UserAdmin>,
    id: web::Path<i64>,
    app: web::Data<App>,
) -> Result<Etagged<UserView>, Problem> {
    let found = User::find(&mut *app.conn().await?, id.into_inner()).await?;
    let user = found.ok_or(Error::NotFound("account"))?;
    Ok(Etagged { version: user.version, body: user.view()? })
}

type Matching = users::BoxedQuery<'static, Pg>;

fn matching(filters: &Filters) -> Matching {
    let mut query = users::table.into_boxed();
    for word in &filters.search {
        let words = sql::<Text>("concat_ws(' ', username, email, first_name, last_name)");
        query = query.filter(words.ilike(like(word)));
    }
    if let Some(role) = filters.role {
        query = query.filter(users::role.eq(role.as_str()));
    }
    // Not compared with a value: the index `users_inactive` would not be seen to fit.
    match filters.is_active {
        Some(true) => query.filter(users::is_active),
        Some(false) => query.filter(not(users::is_active)),
        None => query,
    }
}

async fn rows(conn: &mut AsyncPgConnection, request: &PageRequest<Filters>) -> Result<Vec<User>, Error> {
    let backward = matches!(request.position, Position::Before(_));
    let descending = request.filters.descending != backward;
    let mut query = matching(&request.filters).limit(request.size.saturating_add(1));
    match &request.position {
        Position::First => {}
        Position::Offset(rows) => query = query.offset(*rows),
        Position::After(at) | Position::Before(at) => {
            let id: i64 = listing::position(at)?;
            query = if descending { query.filter(users::id.lt(id)) } else { query.filter(users::id.gt(id)) };
        }
    }
    query = if descending { query.order(users::id.desc()) } else { query.order(users::id.asc()) };
    Ok(query.select(User::as_select()).load(conn).await?)
}

fn position(user: &UserView) -> Value {
    json!(user.id)
}

fn one_role(text: String) -> Result<Option<Role>, Fault> {
    text.parse().map(Some).map_err(|fault: auth::roles::UnknownRole| Fault::new("unknown_value", format!("is {fault}")))
}

/// Whether it is descending.
fn descending(text: String) -> Result<bool, Fault> {
    match text.as_str() {
        "id" => Ok(false),
        "-id" => Ok(true),
        _ => Err(Fault::new("unknown_value", "must be id or -id")),
    }
}
