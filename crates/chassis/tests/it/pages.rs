use serde_json::Value;

use crate::bookshop::Bookshop;

async fn follow(shop: &Bookshop, link: &Value) -> Value {
    let path = link.as_str().unwrap().strip_prefix(&shop.url).expect("links are absolute").to_owned();
    let (status, _, body) = shop.get(&path).await;
    assert_eq!(status, 200);
    body
}

#[tokio::test]
async fn next_walks_all_rows_and_previous_walks_back() {
    let shop = Bookshop::open().await;
    let mut page = shop.get("/books/?page_size=20&search=Lakshmi").await.2;
    assert_eq!(page["count"], 50);
    assert_eq!(page["previous"], Value::Null);
    let mut seen = Vec::new();
    loop {
        seen.extend(page["results"].as_array().unwrap().iter().map(|b| b.as_i64().unwrap()));
        if page["next"].is_null() {
            break;
        }
        assert!(!page["next"].as_str().unwrap().contains("Lakshmi"), "a URL of ours shows no search text");
        page = follow(&shop, &page["next"]).await;
    }
    assert_eq!(seen, (1..=50).collect::<Vec<_>>());
    let back = follow(&shop, &page["previous"]).await;
    assert_eq!(back["results"][0], 21);
    let first = follow(&shop, &back["previous"]).await;
    assert_eq!((first["results"][0].as_i64(), &first["previous"]), (Some(1), &Value::Null));
}

#[tokio::test]
async fn a_cursor_stands_alone_and_cannot_be_altered() {
    let shop = Bookshop::open().await;
    let page = shop.get("/books/?page=2").await.2;
    assert_eq!(page["results"][0], 21);
    let cursor = page["next"].as_str().unwrap().split_once("cursor=").unwrap().1.to_owned();
    assert_eq!(shop.get(&format!("/books/?cursor={cursor}&search=x")).await.0, 400);
    let altered = format!("{}A", &cursor[..cursor.len() - 1]);
    let altered = if altered == cursor { format!("{}B", &cursor[..cursor.len() - 1]) } else { altered };
    assert_eq!(shop.get(&format!("/books/?cursor={altered}")).await.0, 400);
}
