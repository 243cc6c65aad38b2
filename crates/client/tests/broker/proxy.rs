use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Passes connections on, and cuts them when asked to.
pub struct Proxy {
    /// Rises with every cut.
    cuts: watch::Sender<u64>,
    open: Arc<AtomicUsize>,
}

impl Proxy {
    /// Listens on `port` and connects to `target` for each connection.
    pub async fn start(port: u16, target: String) -> Proxy {
        let listener = listen(port).await;
        let (cuts, cut) = watch::channel(0);
        let open = Arc::new(AtomicUsize::new(0));
        let proxy = Proxy { cuts, open: open.clone() };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, target.clone(), cut.clone(), open.clone()));
            }
        });
        proxy
    }

    /// Cuts every connection; returns how many there were.
    pub fn cut(&self) -> usize {
        let open = self.open.load(Ordering::SeqCst);
        self.cuts.send_modify(|cuts| *cuts += 1);
        open
    }
}

/// Tests run one after the other; the port of the one before may be held for a moment.
async fn listen(port: u16) -> TcpListener {
    for _ in 0..100 {
        match TcpListener::bind(("127.0.0.1", port)).await {
            Ok(listener) => return listener,
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
            Err(error) => panic!("cannot listen on port {port}: {error}"),
        }
    }
    panic!("port {port} stays in use");
}

async fn pass(mut client: TcpStream, target: String, mut cut: watch::Receiver<u64>, open: Arc<AtomicUsize>) {
    cut.mark_unchanged();
    let Ok(mut broker) = TcpStream::connect(&target).await else {
        return;
    };
    open.fetch_add(1, Ordering::SeqCst);
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut broker) => {}
        _ = cut.changed() => {
            // A reset, as from a crash: what is on the way is lost.
            let _ = client.set_zero_linger();
            let _ = broker.set_zero_linger();
        }
    }
    open.fetch_sub(1, Ordering::SeqCst);
}
