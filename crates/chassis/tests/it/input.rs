use crate::bookshop::Bookshop;

fn codes(body: &serde_json::Value) -> Vec<(String, String)> {
    let text = |v: &serde_json::Value| v.as_str().unwrap().to_owned();
    let mut codes: Vec<_> =
        body["errors"].as_array().unwrap().iter().map(|e| (text(&e["field"]), text(&e["code"]))).collect();
    codes.sort();
    codes
}

#[tokio::test]
async fn every_fault_is_reported_at_once() {
    let shop = Bookshop::open().await;
    let body = r#"{"titel": "x", "pages": "many", "note": "much too long", "isbn": "1"}"#;
    let (status, _, answer) = shop.post(body).await;
    assert_eq!(status, 400);
    let expected = [
        ("isbn", "isbn"),
        ("note", "too_long"),
        ("pages", "wrong_type"),
        ("titel", "unknown_field"),
        ("title", "required"),
    ];
    assert_eq!(codes(&answer), expected.map(|(f, c)| (f.to_owned(), c.to_owned())));
    assert!(!answer.to_string().contains("much too long"), "a value is never repeated");
}

#[tokio::test]
async fn what_is_no_json_is_refused() {
    let shop = Bookshop::open().await;
    for body in [&b""[..], b"{", b"\"\xff\xfe\"", b"[1,2", b"null", b"[]", b"17"] {
        assert_eq!(shop.post(body.to_vec()).await.0, 400, "{body:?}");
    }
    let deep = "[".repeat(100_000);
    assert_eq!(shop.post(deep).await.0, 400);
}

#[tokio::test]
async fn nul_markup_and_control_characters_are_refused() {
    let shop = Bookshop::open().await;
    for title in ["a\\u0000b", "a\\u0007b", "<script>x</script>", "a\\nb"] {
        let body = format!(r#"{{"title": "{title}", "pages": 1, "isbn": "1234567890123"}}"#);
        assert_eq!(shop.post(body).await.0, 400, "{title}");
    }
    let (status, _, answer) = shop.post(r#"{"title": " 1 < 2 ", "pages": 1, "isbn": "1234567890123"}"#).await;
    assert_eq!((status, answer["title"].as_str()), (200, Some("1 < 2")));
}

#[tokio::test]
async fn a_large_body_and_another_media_type_are_refused() {
    let shop = Bookshop::open().await;
    assert_eq!(shop.post("x".repeat(10 * 1024 * 1024)).await.0, 413);
    let form =
        reqwest::Client::new().post(format!("{}/books/", shop.url)).header("content-type", "text/plain").body("{}");
    assert_eq!(shop.send(form).await.0, 415);
}

#[tokio::test]
async fn query_parameters_are_strict_too() {
    let shop = Bookshop::open().await;
    for query in [
        "page=0",
        "page=x",
        "page_size=101",
        "page_size=0",
        "pgae=1",
        "page=1&page=2",
        "search=%ff",
        "page=-1",
        "cursor=abc",
        "search=%00",
    ] {
        let (status, _, body) = shop.get(&format!("/books/?{query}")).await;
        assert_eq!(status, 400, "{query}");
        assert!(!codes(&body).is_empty(), "{query}");
    }
}
