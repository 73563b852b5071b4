use crate::house::House;

#[tokio::test]
async fn the_documents_are_one_and_shown_on_a_page() {
    let house = House::open().await;
    let document = house.get("/api/openapi.json").await;
    assert_eq!(document.status, 200);
    assert!(document.body["paths"]["/open/"]["get"].is_object());
    assert!(document.body["info"]["description"].as_str().unwrap().contains("nobody"), "the one that is away is named");
    for path in ["/api/docs", "/api/docs/"] {
        let page = house.client.get(format!("{}{path}", house.url)).send().await.unwrap();
        assert_eq!(page.status(), 200, "{path}");
        assert!(page.text().await.unwrap().contains("swagger-ui"), "{path}");
    }
}
