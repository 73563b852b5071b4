use std::sync::atomic::Ordering;

use testkit::eventually;
use tokio::net::TcpStream;

use crate::house::{House, LATE};

#[tokio::test]
async fn what_is_under_way_is_finished_and_nothing_new_begun() {
    let house = House::open().await;
    let before = LATE.load(Ordering::SeqCst);
    let request = house.client.get(format!("{}/closed/late/", house.url)).bearer_auth(&house.token);
    let under_way = tokio::spawn(async move { request.send().await.unwrap().text().await.unwrap() });
    eventually(async || LATE.load(Ordering::SeqCst) > before).await;
    house.stop();
    eventually(async || TcpStream::connect(house.address()).await.is_err()).await;
    assert!(!under_way.is_finished(), "it was to be under way still");
    assert_eq!(under_way.await.unwrap(), r#"{"late":true}"#);
}
