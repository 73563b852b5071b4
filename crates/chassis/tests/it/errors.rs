use crate::bookshop::Bookshop;

#[tokio::test]
async fn an_unknown_path_is_a_problem_with_its_path_and_ids() {
    let shop = Bookshop::open().await;
    let (status, headers, body) = shop.get("/nowhere").await;
    assert_eq!(status, 404);
    assert_eq!(headers["content-type"], "application/problem+json");
    assert_eq!(body["instance"], "/nowhere/");
    assert!(headers.contains_key("x-request-id"));
}

#[tokio::test]
async fn an_id_that_is_no_number_is_not_found() {
    let shop = Bookshop::open().await;
    for path in ["/books/x/", "/books/99999999999999999999/", "/books/1.5/"] {
        assert_eq!(shop.get(path).await.0, 404, "{path}");
    }
}

#[tokio::test]
async fn another_method_is_told_which_there_are() {
    let shop = Bookshop::open().await;
    let (status, headers, _) = shop.send(reqwest::Client::new().delete(format!("{}/books", shop.url))).await;
    assert_eq!((status, headers["allow"].to_str().unwrap()), (405, "GET, POST"));
}

#[tokio::test]
async fn the_cause_of_a_fault_of_ours_stays_inside() {
    let shop = Bookshop::open().await;
    let (status, _, body) = shop.get("/broken/").await;
    assert_eq!(status, 500);
    assert!(!body.to_string().contains("secret"));
}

#[tokio::test]
async fn a_process_that_is_not_ready_says_so_and_lives() {
    let shop = Bookshop::open().await;
    let (status, headers, body) = shop.get("/readyz").await;
    assert_eq!(status, 503);
    assert!(headers.contains_key("retry-after"));
    assert!(!body.to_string().contains("painted"));
    assert_eq!(shop.get("/healthz").await.0, 200);
}

#[tokio::test]
async fn a_path_works_with_and_without_its_slash() {
    let shop = Bookshop::open().await;
    for path in ["/books/7", "/books/7/"] {
        let (status, headers, body) = shop.get(path).await;
        assert_eq!((status, body["id"].as_i64()), (200, Some(7)));
        assert_eq!(headers["etag"], "\"3\"");
    }
    assert_eq!(shop.get("/books?page_size=5").await.2["results"].as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn versions_decide() {
    let shop = Bookshop::open().await;
    let client = reqwest::Client::new();
    let with =
        |name: &'static str, value: &'static str| client.get(format!("{}/books/7/", shop.url)).header(name, value);
    assert_eq!(shop.send(with("if-match", "\"2\"")).await.0, 412);
    assert_eq!(shop.send(with("if-match", "\"3\"")).await.0, 200);
    assert_eq!(shop.send(with("if-none-match", "W/\"3\"")).await.0, 304);
}

#[test]
fn a_connection_that_broke_off_is_503_wherever_it_did() {
    use diesel::result::{DatabaseErrorKind, Error as DieselError};
    let database = |kind, text: &str| DieselError::DatabaseError(kind, Box::new(text.to_owned()));
    let gone = || Box::new(database(DatabaseErrorKind::ClosedConnection, "connection closed"));
    let while_committing = DieselError::RollbackErrorOnCommit { rollback_error: gone(), commit_error: gone() };
    let refused = Box::new(database(DatabaseErrorKind::CheckViolation, "the books do not agree"));
    let not_kept = DieselError::RollbackErrorOnCommit { rollback_error: gone(), commit_error: refused };
    for (fault, status) in [
        (while_committing, 503),
        (database(DatabaseErrorKind::Unknown, "error communicating with the server: Broken pipe (os error 32)"), 503),
        (database(DatabaseErrorKind::UnableToSendCommand, "closed"), 503),
        (not_kept, 500),
    ] {
        let said = format!("{fault:?}");
        assert_eq!(chassis::problem::Problem::from(fault).status().as_u16(), status, "{said}");
    }
}
