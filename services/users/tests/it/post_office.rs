//! A real SMTP server, as small as one can be.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use testkit::Authority;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use users::mail::MailConfig;

pub struct PostOffice {
    pub address: SocketAddr,
    /// Who signed its certificate, as PEM.
    pub authority: Option<Vec<u8>>,
    desk: Desk,
    task: JoinHandle<()>,
}

#[derive(Clone, Default)]
struct Desk {
    letters: Arc<Mutex<Vec<String>>>,
    /// Letters that it turns away before it takes one.
    moody: Arc<Mutex<u32>>,
    /// Letters that came encrypted.
    encrypted: Arc<Mutex<u32>>,
}

impl PostOffice {
    pub async fn open() -> Self {
        Self::with(None, None).await
    }

    /// That takes letters by STARTTLS only, with a certificate for `localhost` by an authority of its own.
    pub async fn with_starttls() -> Self {
        let (acceptor, authority) = encryption();
        Self::with(Some(acceptor), Some(authority)).await
    }

    async fn with(tls: Option<TlsAcceptor>, authority: Option<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let desk = Desk::default();
        let task = tokio::spawn({
            let desk = desk.clone();
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    match tls.clone() {
                        None => tokio::spawn(talk(BufReader::new(stream), "220 post office\r\n", desk.clone(), false)),
                        Some(tls) => tokio::spawn(encrypt(BufReader::new(stream), tls, desk.clone())),
                    };
                }
            }
        });
        Self { address, authority, desk, task }
    }

    pub fn config(&self) -> MailConfig {
        MailConfig {
            smtp_url: format!("smtp://{}", self.address).into(),
            from: "EHS <no-reply@example.in>".parse().unwrap(),
            reset_url: "https://ehs.example.in/reset/".to_owned(),
            authority: None,
        }
    }

    pub fn turn_away(&self, letters: u32) {
        *self.desk.moody.lock().unwrap() = letters;
    }

    pub fn letters(&self) -> Vec<String> {
        self.desk.letters.lock().unwrap().clone()
    }

    pub fn encrypted(&self) -> u32 {
        *self.desk.encrypted.lock().unwrap()
    }
}

impl Drop for PostOffice {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A certificate for `localhost`, and the authority that signed it.
fn encryption() -> (TlsAcceptor, Vec<u8>) {
    let authority = Authority::new();
    let (certificate, key) = authority.pair(&["localhost"], 1);
    let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    (TlsAcceptor::from(Arc::new(config.with_single_cert(chain, key).unwrap())), authority.pem.into_bytes())
}

/// Takes nothing before `STARTTLS`.
async fn encrypt(mut stream: BufReader<TcpStream>, tls: TlsAcceptor, desk: Desk) {
    let mut answer = "220 post office\r\n";
    loop {
        let Some(verb) = hear(&mut stream, answer).await else { return };
        answer = match verb.as_str() {
            "EHLO" => "250-post office\r\n250 STARTTLS\r\n",
            "STARTTLS" => break,
            "QUIT" => "221 bye\r\n",
            _ => "530 STARTTLS first\r\n",
        };
    }
    stream.write_all(b"220 go on\r\n").await.unwrap();
    if let Ok(stream) = tls.accept(stream.into_inner()).await {
        talk(BufReader::new(stream), "", desk, true).await;
    }
}

async fn hear<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut BufReader<S>, answer: &str) -> Option<String> {
    stream.write_all(answer.as_bytes()).await.ok()?;
    stream.flush().await.ok()?;
    let mut line = String::new();
    if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
        return None;
    }
    Some(line.split_whitespace().next().unwrap_or_default().to_uppercase())
}

async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: BufReader<S>,
    greeting: &'static str,
    desk: Desk,
    encrypted: bool,
) {
    let mut answer = greeting;
    loop {
        let Some(verb) = hear(&mut stream, answer).await else { return };
        answer = match verb.as_str() {
            "EHLO" | "HELO" => "250 post office\r\n",
            "MAIL" | "RSET" | "NOOP" => "250 ok\r\n",
            "RCPT" => {
                let mut left = desk.moody.lock().unwrap();
                if *left > 0 {
                    *left -= 1;
                    "451 come back later\r\n"
                } else {
                    "250 ok\r\n"
                }
            }
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await.unwrap();
                stream.flush().await.unwrap();
                let mut letter = String::new();
                while !letter.ends_with("\r\n.\r\n") {
                    if stream.read_line(&mut letter).await.unwrap_or(0) == 0 {
                        return;
                    }
                }
                desk.letters.lock().unwrap().push(letter);
                *desk.encrypted.lock().unwrap() += u32::from(encrypted);
                "250 ok\r\n"
            }
            "QUIT" => "221 bye\r\n",
            _ => "502 what?\r\n",
        };
    }
}
