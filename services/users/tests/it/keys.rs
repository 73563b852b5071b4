//! The signing key changes, and nobody is signed out.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use auth::{SigningKeys, TokenFault, Verifier};
use testkit::eventually;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use users::keys;

use crate::service::{PASSWORD, Service};

/// One address for a service that starts anew: what is behind it changes.
struct Address {
    url: String,
    behind: Arc<Mutex<SocketAddr>>,
}

impl Address {
    async fn of(service: &Service) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/.well-known/jwks.json", listener.local_addr().unwrap());
        let behind = Arc::new(Mutex::new(socket(service)));
        tokio::spawn({
            let behind = Arc::clone(&behind);
            async move {
                while let Ok((mut caller, _)) = listener.accept().await {
                    let to = *behind.lock().unwrap();
                    let mut service = TcpStream::connect(to).await.unwrap();
                    tokio::spawn(async move { copy_bidirectional(&mut caller, &mut service).await });
                }
            }
        });
        Self { url, behind }
    }

    fn leads_to(&self, service: &Service) {
        *self.behind.lock().unwrap() = socket(service);
    }

    fn verifier(&self) -> Verifier {
        Verifier::http(self.url.parse().unwrap(), "ehs", "ehs-api").unwrap()
    }
}

fn socket(service: &Service) -> SocketAddr {
    service.server.url.strip_prefix("http://").unwrap().parse().unwrap()
}

fn keys_in(file: &Path) -> SigningKeys {
    SigningKeys::parse(&std::fs::read_to_string(file).unwrap().into()).unwrap()
}

fn age(file: &Path, minutes: u64) {
    let then = SystemTime::now() - Duration::from_secs(minutes * 60);
    std::fs::File::open(file).unwrap().set_modified(then).unwrap();
}

async fn sign_in(service: &Service) -> (String, String) {
    let body = service.login("asha", PASSWORD).await.expect(200).body;
    (body["access"].as_str().unwrap().to_owned(), body["refresh"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn two_rotations_sign_nobody_out() {
    let folder = std::env::temp_dir().join(uuid::Uuid::new_v4().to_string());
    std::fs::create_dir(&folder).unwrap();
    let file = folder.join("keys.json");
    keys::generate(&file).unwrap();

    let service = Service::signing(keys_in(&file)).await;
    service.patient("asha").await;
    let (first, refresh) = sign_in(&service).await;
    let address = Address::of(&service).await;
    let gateway = address.verifier();
    gateway.verify(&first).await.unwrap();

    keys::rotate(&file).unwrap();
    let service = service.started_anew(keys_in(&file)).await;
    address.leads_to(&service);
    // the old token, by who has the old set and by who reads the new one
    gateway.verify(&first).await.unwrap();
    address.verifier().verify(&first).await.unwrap();
    service.server.get("/api/users/me/", &first).await.expect(200);
    // a new token, by who has the old set
    let (second, _) = sign_in(&service).await;
    eventually(|| async { gateway.verify(&second).await.is_ok() }).await;
    gateway.verify(&first).await.unwrap();
    let renewed = service.refresh(&refresh).await.expect(200).body["refresh"].as_str().unwrap().to_owned();

    // while a token of the first key may live, its public half is not dropped
    let refused = keys::rotate(&file).unwrap_err().to_string();
    assert!(refused.contains("would sign people out"), "{refused}");
    age(&file, 69);
    assert!(keys::rotate(&file).is_err());
    age(&file, 71);
    keys::rotate(&file).unwrap();
    let service = service.started_anew(keys_in(&file)).await;
    address.leads_to(&service);
    let (third, _) = sign_in(&service).await;
    eventually(|| async { gateway.verify(&third).await.is_ok() }).await;
    gateway.verify(&second).await.unwrap();
    address.verifier().verify(&second).await.unwrap();
    // an hour after its last token the first key is nobody's
    assert_eq!(address.verifier().verify(&first).await.unwrap_err(), TokenFault::UnknownKey);
    service.refresh(&renewed).await.expect(200);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_leaked_key_goes_at_once() {
    let folder = std::env::temp_dir().join(uuid::Uuid::new_v4().to_string());
    std::fs::create_dir(&folder).unwrap();
    let file = folder.join("keys.json");
    let leaked = keys::generate(&file).unwrap();
    keys::rotate(&file).unwrap();
    keys::rotate_at_once(&file).unwrap();
    let left = keys_in(&file).jwks();
    assert!(left.keys.len() == 2 && !left.keys.contains(&leaked.jwks().keys[0]));
    std::fs::remove_dir_all(&folder).unwrap();
}
