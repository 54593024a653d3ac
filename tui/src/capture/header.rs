//! The header, to bytes and back.

use super::messages;
use super::{Damage, Header};
use crate::model::Watched;
use crate::source::ProbeStatus;
use prost::Message;

/// The bytes of a header.
pub fn write(header: &Header) -> Vec<u8> {
    let Watched {
        host,
        arch,
        kernel,
        cpus,
        realtime_offset_ns,
        boottime_offset_ns,
        start_ns,
        frequency_hz,
    } = header.watched.clone();
    let probes = header.probes.iter().map(|(name, status)| match status {
        ProbeStatus::On => messages::Probe { name: name.clone(), ..Default::default() },
        ProbeStatus::Off(reason) => {
            messages::Probe { name: name.clone(), off: true, reason: reason.clone() }
        }
    });
    let message = messages::Header {
        host,
        arch,
        kernel,
        cpus: cpus as u64,
        realtime_offset_ns,
        boottime_offset_ns,
        start_ns,
        frequency_hz,
        recorder: header.recorder.clone(),
        called: header.called.clone(),
        probes: probes.collect(),
        interval_ns: header.interval_ns,
        filter: header.filter.clone(),
        cmdlines: header.cmdlines,
    };
    message.encode_to_vec()
}

/// Reads a header.
pub fn read(bytes: &[u8]) -> Result<Header, Damage> {
    let message = messages::Header::decode(bytes).map_err(|error| Damage(error.to_string()))?;
    let probes = message.probes.into_iter().map(|probe| {
        let status = if probe.off { ProbeStatus::Off(probe.reason) } else { ProbeStatus::On };
        (probe.name, status)
    });
    Ok(Header {
        watched: Watched {
            host: message.host,
            arch: message.arch,
            kernel: message.kernel,
            cpus: usize::try_from(message.cpus).unwrap_or(usize::MAX),
            realtime_offset_ns: message.realtime_offset_ns,
            boottime_offset_ns: message.boottime_offset_ns,
            start_ns: message.start_ns,
            frequency_hz: message.frequency_hz,
        },
        recorder: message.recorder,
        called: message.called,
        probes: probes.collect(),
        interval_ns: message.interval_ns,
        filter: message.filter,
        cmdlines: message.cmdlines,
    })
}
