use bytes::Bytes;
use object_store::{Encryption, Shown, Store, StoreConfig};
use testkit::Bucket;

use crate::{a_key, config, store};

const SHOWN: Shown<'static> = Shown { content_type: "application/pdf", file_name: "document-7.pdf" };

#[tokio::test]
async fn a_link_reads_one_object_as_we_say() {
    let bucket = Bucket::new().await;
    let (store, key) = (store(&bucket), a_key());
    store.put_bytes(key, "application/octet-stream", Bytes::from_static(b"%PDF-1.7")).await.unwrap();
    let link = store.link(key, SHOWN).await.unwrap();
    assert!(link.contains("X-Amz-Expires=300"), "{link}");
    let answer = reqwest::Client::new().get(&link).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "application/pdf");
    assert_eq!(answer.headers()["content-disposition"], "inline; filename=\"document-7.pdf\"");
    assert_eq!(answer.text().await.unwrap(), "%PDF-1.7");
}

#[tokio::test]
async fn a_link_cannot_be_turned_to_another_object() {
    let bucket = Bucket::new().await;
    let (store, key, other) = (store(&bucket), a_key(), a_key());
    for key in [key, other] {
        store.put_bytes(key, "text/plain", Bytes::from_static(b"a")).await.unwrap();
    }
    let link = store.link(key, SHOWN).await.unwrap();
    let turned = link.replace(&key.to_string(), &other.to_string());
    assert_ne!(link, turned);
    assert_eq!(reqwest::Client::new().get(turned).send().await.unwrap().status(), 403);
    let longer = link.replace("X-Amz-Expires=300", "X-Amz-Expires=3000");
    assert_eq!(reqwest::Client::new().get(longer).send().await.unwrap().status(), 403);
}

#[tokio::test]
async fn a_name_cannot_leave_its_quotes() {
    let bucket = Bucket::new().await;
    let (store, key) = (store(&bucket), a_key());
    store.put_bytes(key, "text/plain", Bytes::from_static(b"a")).await.unwrap();
    let shown = Shown { file_name: "a\"; filename=\"b\r\nx: y", ..SHOWN };
    let answer = reqwest::Client::new().get(store.link(key, shown).await.unwrap()).send().await.unwrap();
    assert_eq!(answer.headers()["content-disposition"], "inline; filename=\"a___filename__b__x__y\"");
}

#[tokio::test]
async fn links_begin_where_clients_reach_the_store() {
    let bucket = Bucket::new().await;
    let outside = StoreConfig { links: Some("https://files.hospital.example".to_owned()), ..config(&bucket) };
    let store = Store::with_key(&outside, "test", "test");
    let key = a_key();
    store.put_bytes(key, "text/plain", Bytes::from_static(b"a")).await.unwrap();
    let link = store.link(key, SHOWN).await.unwrap();
    assert!(link.starts_with(&format!("https://files.hospital.example/{}/{key}?", bucket.name)), "{link}");
}

#[tokio::test]
async fn what_is_stored_is_encrypted_by_the_store() {
    let bucket = Bucket::new().await;
    for encryption in [Encryption::Aes256, Encryption::Kms("alias/ehs".to_owned())] {
        let config = StoreConfig { encryption: encryption.clone(), ..config(&bucket) };
        let store = Store::with_key(&config, "test", "test");
        for size in [10, 6 * 1024 * 1024] {
            let key = a_key();
            store.put_bytes(key, "text/plain", crate::bytes(size)).await.unwrap();
            let url = format!("{}/{}/{key}", bucket.endpoint, bucket.name);
            let head = reqwest::Client::new().head(url).send().await.unwrap();
            let expected = if encryption == Encryption::Aes256 { "AES256" } else { "aws:kms" };
            assert_eq!(head.headers()["x-amz-server-side-encryption"], expected, "{size} bytes");
        }
    }
}
