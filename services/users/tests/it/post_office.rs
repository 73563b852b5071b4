//! A real SMTP server, as small as one can be.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use users::mail::MailConfig;

pub struct PostOffice {
    pub address: SocketAddr,
    letters: Arc<Mutex<Vec<String>>>,
    /// Letters that it turns away before it takes one.
    moody: Arc<Mutex<u32>>,
    task: JoinHandle<()>,
}

impl PostOffice {
    pub async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (letters, moody) = (Arc::<Mutex<Vec<String>>>::default(), Arc::<Mutex<u32>>::default());
        let task = tokio::spawn({
            let (letters, moody) = (Arc::clone(&letters), Arc::clone(&moody));
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(talk(stream, Arc::clone(&letters), Arc::clone(&moody)));
                }
            }
        });
        Self { address, letters, moody, task }
    }

    pub fn config(&self) -> MailConfig {
        MailConfig {
            smtp_url: format!("smtp://{}", self.address).into(),
            from: "EHS <no-reply@example.in>".parse().unwrap(),
            reset_url: "https://ehs.example.in/reset/".to_owned(),
        }
    }

    pub fn turn_away(&self, letters: u32) {
        *self.moody.lock().unwrap() = letters;
    }

    pub fn letters(&self) -> Vec<String> {
        self.letters.lock().unwrap().clone()
    }
}

impl Drop for PostOffice {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn talk(stream: TcpStream, letters: Arc<Mutex<Vec<String>>>, moody: Arc<Mutex<u32>>) {
    let mut stream = BufReader::new(stream);
    let mut answer = "220 post office\r\n";
    loop {
        stream.write_all(answer.as_bytes()).await.unwrap();
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return;
        }
        let verb = line.split_whitespace().next().unwrap_or_default().to_uppercase();
        answer = match verb.as_str() {
            "EHLO" | "HELO" => "250 post office\r\n",
            "MAIL" | "RSET" | "NOOP" => "250 ok\r\n",
            "RCPT" => {
                let mut left = moody.lock().unwrap();
                if *left > 0 {
                    *left -= 1;
                    "451 come back later\r\n"
                } else {
                    "250 ok\r\n"
                }
            }
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await.unwrap();
                let mut letter = String::new();
                while !letter.ends_with("\r\n.\r\n") {
                    if stream.read_line(&mut letter).await.unwrap_or(0) == 0 {
                        return;
                    }
                }
                letters.lock().unwrap().push(letter);
                "250 ok\r\n"
            }
            "QUIT" => "221 bye\r\n",
            _ => "502 what?\r\n",
        };
    }
}
