//! Mails through relays that encrypt, refuse, are away, or are slow.

use std::time::{Duration, Instant};

use serde_json::json;
use users::mail::MailConfig;
use users::mail::post::Post;

use crate::post_office::PostOffice;
use crate::service::Service;

async fn asked() -> Service {
    let service = Service::start().await;
    service.patient("asha").await;
    service.server.post("/api/users/password/reset/", "", &json!({"email": "asha@example.in"})).await.expect(202);
    service
}

async fn send(service: &Service, config: MailConfig) -> Result<usize, String> {
    let sent = Post::new(config).unwrap().send_due(&service.db.pool().await).await;
    sent.map_err(|fault| format!("{fault:#}"))
}

fn with_url(office: &PostOffice, url: &str, authority: bool) -> MailConfig {
    let authority = authority.then(|| include_bytes!("fixtures/tls/ca.pem").to_vec());
    MailConfig {
        smtp_url: url.replace("PORT", &office.address.port().to_string()).into(),
        authority,
        ..office.config()
    }
}

#[tokio::test]
async fn starttls_with_an_authority_of_ones_own() {
    let (service, office) = (asked().await, PostOffice::with_starttls().await);
    send(&service, with_url(&office, "smtp://localhost:PORT?tls=required", true)).await.unwrap();
    assert_eq!((office.letters().len(), office.encrypted()), (1, 1));
}

#[tokio::test]
async fn a_certificate_of_strangers_or_no_encryption_at_all_gets_no_letter() {
    let (service, office) = (asked().await, PostOffice::with_starttls().await);
    let fault = send(&service, with_url(&office, "smtp://localhost:PORT?tls=required", false)).await.unwrap_err();
    assert!(fault.contains("certificate") && !fault.contains("token="), "{fault}");
    let plain = PostOffice::open().await;
    service.db.sql("UPDATE mails SET next_attempt_at = now()").await;
    let fault = send(&service, with_url(&plain, "smtp://localhost:PORT?tls=required", true)).await.unwrap_err();
    assert!(fault.to_lowercase().contains("tls"), "{fault}");
    // a name that the certificate is not for
    service.db.sql("UPDATE mails SET next_attempt_at = now()").await;
    send(&service, with_url(&office, "smtp://127.0.0.1:PORT?tls=required", true)).await.unwrap_err();
    assert!(office.letters().is_empty() && plain.letters().is_empty());
}

#[tokio::test]
async fn a_relay_that_is_away_or_says_nothing_holds_nobody_up_for_long() {
    let (service, office) = (asked().await, PostOffice::open().await);
    send(&service, with_url(&office, "smtp://127.0.0.1:1", false)).await.unwrap_err();
    service.db.sql("UPDATE mails SET next_attempt_at = now()").await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://{}", silent.local_addr().unwrap());
    let begun = Instant::now();
    send(&service, with_url(&office, &url, false)).await.unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(45), "{:?}", begun.elapsed());
    service.db.sql("UPDATE mails SET next_attempt_at = now()").await;
    send(&service, office.config()).await.unwrap();
    assert_eq!(office.letters().len(), 1);
}
