//! The models of the past, made on a thread of their own: only the newest wish counts.

use crate::app::time::Sought;
use crate::app::update::Message;
use crate::history::{Seeker, Span};
use std::io;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use tokio::sync::mpsc::UnboundedSender;

/// The thread, seen from the loop. It ends when this is dropped and its work is done.
#[derive(Debug)]
pub struct Seeking {
    wishes: Sender<Span>,
}

/// Wakes the loop when the thread ends, in whichever way: after a panic nothing else would.
struct Bell(UnboundedSender<Message>);

impl Drop for Bell {
    fn drop(&mut self) {
        let _ = self.0.send(Message::SeekIsSlow);
    }
}

impl Seeking {
    /// Starts the thread; `make` makes what it works with there, for that may block.
    pub fn start(
        make: impl FnOnce() -> Seeker + Send + 'static,
        results: UnboundedSender<Message>,
    ) -> io::Result<Self> {
        let (wishes, wished) = channel::<Span>();
        thread::Builder::new().name("seeker".to_owned()).spawn(move || {
            let bell = Bell(results);
            let mut seeker = make();
            while let Ok(mut span) = wished.recv() {
                while let Ok(newer) = wished.try_recv() {
                    span = newer;
                }
                let sought = Box::new(answer(&mut seeker, span));
                if bell.0.send(Message::Seeked(sought)).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { wishes })
    }

    /// Wishes for a span.
    pub fn wish(&self, span: Span) {
        // It ends early only by a panic, which ends the program.
        let _ = self.wishes.send(span);
    }
}

/// Makes the model of a span.
pub fn answer(seeker: &mut Seeker, span: Span) -> Sought {
    let model = seeker.model(span);
    Sought { span, model, losses: seeker.losses().clone() }
}
