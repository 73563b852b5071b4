use crate::house::House;

#[tokio::test]
async fn the_service_sees_what_the_gateway_says_and_not_what_a_client_claims() {
    let house = House::open().await;
    let request = house.client.get(format!("{}/closed/a/", house.url)).bearer_auth(&house.token);
    let request = request.header("x-user-id", "1").header("x-ehs-role", "ADMIN").header("x-forwarded-for", "1.2.3.4");
    let request = request.header("x-forwarded-host", "evil.example").header("x-break-glass", "an emergency tonight");
    let seen = house.send(request).await.body["headers"].clone();
    assert!(seen["x-user-id"].is_null() && seen["x-ehs-role"].is_null());
    assert_eq!(seen["x-forwarded-for"], "127.0.0.1");
    assert_eq!(format!("http://{}", seen["x-forwarded-host"].as_str().unwrap()), house.url);
    assert_eq!(seen["x-break-glass"], "an emergency tonight");
    assert!(seen["x-request-id"].is_string());
}

#[tokio::test]
async fn headers_of_one_connection_stay_on_it() {
    let house = House::open().await;
    let request =
        house.client.get(format!("{}/open/a/", house.url)).header("connection", "x-secret").header("x-secret", "1");
    let answer = house.send(request.header("te", "trailers").header("proxy-authorization", "Basic x")).await;
    let seen = &answer.body["headers"];
    assert!(seen["x-secret"].is_null() && seen["te"].is_null() && seen["proxy-authorization"].is_null());
    assert!(answer.headers.contains_key("x-request-id"));
}

#[tokio::test]
async fn a_request_that_comes_round_again_is_stopped() {
    let house = House::open().await;
    let request = house.client.get(format!("{}/open/a/", house.url)).header("via", "1.0 fred, 1.1 ehs-gateway");
    assert_eq!(house.send(request).await.status, 508);
}
