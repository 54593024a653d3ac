//! Debug files from a server: one that each test starts.

use super::debug_files::{Split, with_lines};
use super::programs::{Running, start_hidden};
use super::{Asker, wait_until};
use crate::source::{Frame, StackId};
use crate::symbols::debuginfod::{Debuginfod, Limits};
use crate::symbols::{Request, Space};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// What the server answers.
#[derive(Clone, Debug)]
enum Answer {
    File(Vec<u8>),
    NotFound,
    /// Nothing, for longer than anybody waits.
    Silence,
}

/// A server, and the paths it was asked for.
struct Server {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let of_thread = Arc::clone(&asked);
        // It ends with the test program.
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (asked, answer) = (Arc::clone(&of_thread), answer.clone());
                std::thread::spawn(move || serve(client, &asked, &answer));
            }
        });
        Self { url, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn serve(mut client: TcpStream, asked: &Mutex<Vec<String>>, answer: &Answer) -> Option<()> {
    let mut lines = BufReader::new(client.try_clone().ok()?).lines().map_while(Result::ok);
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    while !lines.next()?.is_empty() {}
    asked.lock().unwrap().push(path);
    match answer {
        Answer::File(bytes) => {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", bytes.len());
            client.write_all(&[head.as_bytes(), bytes].concat()).ok()
        }
        Answer::NotFound => {
            client.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").ok()
        }
        Answer::Silence => {
            sleep(Duration::from_secs(60));
            None
        }
    }
}

/// A program whose debug file only a server has.
struct Elsewhere {
    debug: Vec<u8>,
    build_id: String,
    cache: tempfile::TempDir,
    child: Running,
    address: u64,
    client: PathBuf,
}

impl Elsewhere {
    fn new() -> Option<Self> {
        let path = std::env::var_os("PATH").unwrap();
        let mut clients = std::env::split_paths(&path).map(|folder| folder.join("debuginfod-find"));
        let Some(client) = clients.find(|client| client.is_file()) else {
            eprintln!("SKIPPED: needs debuginfod-find");
            return None;
        };
        let split = Split::new(&["-g"], &[])?;
        let debug = split.path().join("debug");
        let bytes = std::fs::read(&debug).unwrap();
        std::fs::remove_file(debug).unwrap();
        let (child, address) = start_hidden(Command::new(&split.program));
        let frames = Asker::new().user(child.pid(), address + 1);
        assert!(frames[0].name.starts_with("hidden+0x"), "{frames:?}");
        let build_id = frames[0].build_id.as_deref().unwrap().to_owned();
        let cache = tempfile::tempdir().unwrap();
        Some(Self { debug: bytes, build_id, cache, child, address, client })
    }

    fn asker(&self, server: &Server, limits: Limits) -> Asker {
        let cache = self.cache.path().to_str().unwrap();
        let environment = [
            ("DEBUGINFOD_URLS", &*server.url),
            ("DEBUGINFOD_CACHE_PATH", cache),
            ("no_proxy", "127.0.0.1"),
        ];
        Asker::fetching(Some(Debuginfod::with(self.client.clone(), &environment, limits)))
    }

    /// The frames that are told of the function first, and again, when all was tried.
    fn told(&self, asker: &mut Asker) -> (Vec<Arc<Frame>>, Option<Vec<Arc<Frame>>>) {
        let id = asker.request(Space::User { pid: self.child.pid() }, &[self.address + 1]);
        let first = asker.wait();
        assert_eq!(first.len(), 1);
        wait_until("nothing is fetched any more", || asker.worker.fetching() == 0);
        let again = asker.worker.finished();
        let again = again.into_iter().find(|stack| stack.id == id);
        (first[0].frames.clone(), again.map(|stack| stack.frames.clone()))
    }
}

const LIMITS: Limits =
    Limits { file: Duration::from_secs(20), total: Duration::from_secs(20), bytes: 1 << 30 };

#[test]
fn a_debug_file_is_fetched_and_its_stacks_are_told_again() {
    let Some(program) = Elsewhere::new() else { return };
    let server = Server::start(Answer::File(program.debug.clone()));
    let mut asker = program.asker(&server, LIMITS);
    let (first, again) = program.told(&mut asker);
    assert!(first[0].name.starts_with("hidden+0x"), "{first:?}");
    assert!(with_lines(&again.expect("it is told again")));
    let asked = server.asked();
    let path = format!("/buildid/{}/debuginfo", program.build_id);
    assert!(asked.contains(&path), "{asked:?}");
    // From then on at once, and from the cache for who starts anew.
    let frames = asker.user(program.child.pid(), program.address + 2);
    assert!(with_lines(&frames));
    // Another file of the same build id: at once too.
    let copy = program.cache.path().join("copy");
    std::fs::copy(format!("/proc/{}/exe", program.child.pid()), &copy).unwrap();
    let (child, address) = start_hidden(Command::new(&copy));
    let asked = server.asked().len();
    assert!(with_lines(&asker.user(child.pid(), address + 1)));
    assert_eq!(server.asked().len(), asked);
    let mut other = program.asker(&Server::start(Answer::NotFound), LIMITS);
    assert!(with_lines(&program.told(&mut other).1.expect("it is in the cache")));
}

#[test]
fn a_process_that_is_gone_by_then_keeps_its_stacks() {
    let Some(mut program) = Elsewhere::new() else { return };
    let server = Server::start(Answer::File(program.debug.clone()));
    let mut asker = program.asker(&server, LIMITS);
    let pid = program.child.pid();
    let id = asker.request(Space::User { pid }, &[program.address + 1]);
    asker.wait();
    program.child.kill();
    asker.worker.ended(pid);
    wait_until("nothing is fetched any more", || asker.worker.fetching() == 0);
    let again = asker.worker.finished();
    assert!(with_lines(&again.iter().find(|stack| stack.id == id).unwrap().frames));
}

#[test]
fn what_no_server_has_is_asked_for_once() {
    let Some(program) = Elsewhere::new() else { return };
    let server = Server::start(Answer::NotFound);
    let mut asker = program.asker(&server, LIMITS);
    assert!(program.told(&mut asker).1.is_none());
    let asked = server.asked().len();
    assert!(asked > 0);
    assert!(program.told(&mut asker).1.is_none());
    assert_eq!(server.asked().len(), asked);
}

#[test]
fn a_file_of_another_build_id_is_not_believed() {
    let Some(program) = Elsewhere::new() else { return };
    let Some(other) = Split::new(&["-g", "-Wl,--build-id=0x1234567890abcdef"], &[]) else { return };
    let other = std::fs::read(other.path().join("debug")).unwrap();
    let server = Server::start(Answer::File(other));
    assert!(program.told(&mut program.asker(&server, LIMITS)).1.is_none());
    assert!(!server.asked().is_empty());
}

#[test]
fn a_server_that_says_nothing_holds_nothing_up() {
    let Some(program) = Elsewhere::new() else { return };
    let server = Server::start(Answer::Silence);
    let limits = Limits { file: Duration::from_secs(2), ..LIMITS };
    let mut asker = program.asker(&server, limits);
    let began = Instant::now();
    let space = Space::User { pid: program.child.pid() };
    asker.request(space, &[program.address + 1]);
    wait_until("the server is asked", || !server.asked().is_empty());
    let own = super::processes::never_inlined as *const () as u64;
    let frames = asker.user(std::process::id(), own);
    assert!(frames.last().unwrap().name.ends_with("never_inlined"));
    assert!(asker.worker.fetching() > 0, "it is waited for meanwhile");
    wait_until("it is given up", || asker.worker.fetching() == 0);
    let took = began.elapsed();
    assert!(took > Duration::from_secs(1) && took < Duration::from_secs(20), "{took:?}");
}

#[test]
fn when_the_time_is_up_nothing_is_asked_for_any_more() {
    let Some(program) = Elsewhere::new() else { return };
    let server = Server::start(Answer::File(program.debug.clone()));
    let mut asker = program.asker(&server, Limits { total: Duration::ZERO, ..LIMITS });
    assert!(program.told(&mut asker).1.is_none());
    assert!(server.asked().is_empty());
}

#[test]
fn without_being_asked_for_nothing_is_fetched() {
    let Some(program) = Elsewhere::new() else { return };
    let mut asker = Asker::new();
    asker.worker.request(vec![Request {
        id: StackId(StackId::FIRST.0 + 7),
        space: Space::User { pid: program.child.pid() },
        addresses: vec![program.address + 1],
        end: crate::source::StackEnd::Complete,
        python: Arc::default(),
    }]);
    asker.wait();
    assert_eq!(asker.worker.fetching(), 0);
    assert!(!Path::new(program.cache.path()).join(&program.build_id).exists());
}
