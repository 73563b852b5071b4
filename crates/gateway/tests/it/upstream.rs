use crate::house::House;

#[tokio::test]
async fn a_service_that_is_away_is_503_and_a_slow_one_504() {
    let house = House::open().await;
    let away = house.get("/nobody/a/").await;
    assert_eq!(away.status, 503);
    assert!(away.headers.contains_key("retry-after"));
    assert_eq!(away.body["instance"], "/nobody/a/");
    let slow = house.get("/open/slow/").await;
    assert_eq!((slow.status, slow.headers["content-type"].to_str().unwrap()), (504, "application/problem+json"));
}

#[tokio::test]
async fn what_no_route_takes_is_404() {
    let house = House::open().await;
    for path in ["/", "/elsewhere/", "/openx/", "/keys.json/more"] {
        assert_eq!(house.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_path_passes_with_and_without_its_slash_and_with_its_query() {
    let house = House::open().await;
    for path in ["/open/a?x=1%20y&z", "/open/a/?x=1%20y&z"] {
        assert_eq!(house.get(path).await.body["path"], "/open/a/?x=1%20y&z");
    }
    assert_eq!(house.get("/keys.json").await.body["path"], "/keys.json");
}

#[tokio::test]
async fn methods_pass() {
    let house = House::open().await;
    for method in ["PUT", "PATCH", "DELETE", "OPTIONS"] {
        let request = house.client.request(method.parse().unwrap(), format!("{}/open/a/", house.url));
        assert_eq!(house.send(request).await.body["method"], method);
    }
}
