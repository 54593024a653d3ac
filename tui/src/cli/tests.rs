//! Command lines that are understood, and those that are refused.

use super::*;
use crate::kernel::Wanted;
use crate::probes::PROBES;
use syscope_shared::health::ProbeId;

fn read(line: &str) -> Result<Cli, clap::Error> {
    let words = std::iter::once("syscope").chain(line.split_whitespace());
    Cli::try_read(words.map(OsString::from))
}

fn refused(line: &str) -> String {
    read(line).expect_err(line).to_string()
}

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn no_subcommand_is_the_live_screen() {
    let cli = read("").unwrap();
    assert!(cli.command.is_none());
    assert_eq!(cli.live.interval, Duration::from_millis(250));
    assert_eq!(cli.live.watch.freq, 99);
    assert!(cli.live.watch.filter().unwrap().is_empty());
    let cli = read("-p 1,2 -p 3 -c nginx --filter cmd:x --interval 1s --freq 999").unwrap();
    assert_eq!(cli.live.watch.filter().unwrap().text(), "pid:1,2,3 comm:nginx cmd:x");
    assert_eq!(cli.live.interval, Duration::from_secs(1));
    assert_eq!(cli.live.watch.freq, 999);
    let cli = read("--pid 7 --follow-forks --log /tmp/x --color never --inject-panic").unwrap();
    assert_eq!(cli.live.watch.filter().unwrap().text(), "tree:7");
    assert_eq!(cli.common.color, Color::Never);
    assert!(cli.live.inject_panic);
}

#[test]
fn report_takes_its_options() {
    let Some(Command::Report(report)) =
        read("report -d 2.5 -p 7 --json --top 3 -q --color always").unwrap().command
    else {
        panic!("not a report")
    };
    assert_eq!(report.duration, Duration::from_millis(2_500));
    assert_eq!((report.json, report.top, report.quiet), (true, Some(3), true));
    assert_eq!(report.watch.filter().unwrap().text(), "pid:7");
}

#[test]
fn the_format_of_a_flame_graph_is_told_from_its_name() {
    for (line, format) in [
        ("flame -o out.svg", FlameFormat::Svg),
        ("flame -o out.folded", FlameFormat::Folded),
        ("flame -o -", FlameFormat::Svg),
        ("flame -o - --format folded", FlameFormat::Folded),
        ("flame -o out.txt --format folded", FlameFormat::Folded),
        ("flame -o out.pb.gz", FlameFormat::Pprof),
        ("flame -o - --format pprof", FlameFormat::Pprof),
        ("flame -o out.speedscope.json", FlameFormat::Speedscope),
        ("flame -o out.json --format speedscope", FlameFormat::Speedscope),
    ] {
        let Some(Command::Flame(flame)) = read(line).unwrap().command else { panic!("{line}") };
        assert_eq!(flame.format(), Ok(format), "{line}");
        assert_eq!(flame.duration, Duration::from_secs(10));
    }
    for name in ["out.txt", "out.json", "out.gz", "svg", ".pb.gz"] {
        let error = refused(&format!("flame -o {name}"));
        assert!(error.contains("name it .svg, .folded, .pb.gz or .speedscope.json"), "{error}");
    }
    assert!(refused("flame").contains("--output <FILE>"));
}

#[test]
fn flame_graphs_of_two_captures_or_of_two_ranges_of_one_are_compared() {
    let compared = |line| match read(line).unwrap().command {
        Some(Command::Flame(flame)) => {
            let DiffArgs { before, after } = flame.compared().expect(line);
            let part = |(path, range): (&std::path::Path, Option<&MomentRange>)| {
                (path.to_str().unwrap().to_owned(), range.map(ToString::to_string))
            };
            (part(before), part(after))
        }
        other => panic!("{line}: {other:?}"),
    };
    let part = |path: &str, range: Option<&str>| (path.to_owned(), range.map(str::to_owned));
    let both = compared("flame --diff a b -o x.svg");
    assert_eq!(both, (part("a", None), part("b", None)));
    let both = compared("flame --diff a b --range-b ..1m30s -o - --format folded -c nginx");
    assert_eq!(both, (part("a", None), part("b", Some("..1m30s"))));
    let both = compared("flame -o x.svg --off-cpu --range-a ..30s --range-b 12:00:01.. --diff a");
    assert_eq!(both, (part("a", Some("..30.0s")), part("a", Some("12:00:01.."))));
    for (line, hint) in [
        ("flame --diff a -o x.svg", "add --range-a and --range-b"),
        ("flame --diff a a -o x.svg --range-a ..9s", "add --range-a and --range-b"),
        ("flame --diff a --range-a ..9s --range-b ..9s -o x.svg", "are the same"),
        ("flame --diff a b -o x.pb.gz", "go tool pprof -diff_base"),
        ("flame --diff a b -o x.speedscope.json", "writes svg or folded"),
        ("flame --diff a b --from c -o x.svg", "cannot be used with"),
        ("flame --diff a b --record c -o x.svg", "cannot be used with"),
        ("flame --diff a b -d 5 -o x.svg", "cannot be used with"),
        ("flame --diff a b --freq 9 -o x.svg", "cannot be used with"),
        ("flame --diff a b --range 1s..2s -o x.svg", "--range-a and --range-b"),
        ("flame --diff a b c -o x.svg", "unexpected argument"),
        ("flame --diff a --diff b --diff c -o x.svg", "two captures at most"),
        ("flame --diff -o x.svg", "a value is required"),
        ("flame --wall --off-cpu -o x.svg", "cannot be used with"),
        ("flame --range-a ..9s -o x.svg", "--diff"),
        ("flame --diff a b -o x", "cannot tell what to write"),
    ] {
        assert!(refused(line).contains(hint), "{line}: {}", refused(line));
    }
}

fn recorded(line: &str) -> RecordArgs {
    match read(line).unwrap().command {
        Some(Command::Record(record)) => record,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn record_takes_its_options_and_a_command_with_its_own() {
    let record = recorded("record -o x.syscope");
    assert_eq!((record.duration, record.interval), (None, Duration::from_millis(250)));
    assert!(!record.no_cmdline && !record.force && record.command.is_empty());
    let record = recorded("record -o - -d 60 -c nginx --interval 1s --no-cmdline --force -q");
    assert!(record.to_stdout() && record.no_cmdline && record.force && record.quiet);
    assert_eq!(record.duration, Some(Duration::from_secs(60)));
    let record = recorded("record -o x -c sh -- make -j2 --help -p 1 -- -q");
    assert_eq!(record.command, ["make", "-j2", "--help", "-p", "1", "--", "-q"]);
    assert_eq!(record.watch.filter().unwrap().text(), "comm:sh");
    for (line, hint) in [
        ("record", "--output <FILE>"),
        ("record -o x make", "unexpected argument"),
        ("record -o x -p 1 -- make", "cannot be used with"),
        ("record -o - -- make", "standard output is the command's"),
        ("record -o x --interval 1ms", "50ms to 1m"),
    ] {
        assert!(refused(line).contains(hint), "{line}: {}", refused(line));
    }
}

#[test]
fn reports_and_flame_graphs_read_captures_and_write_them() {
    let Some(Command::Report(report)) =
        read("report --from x --range 10s..1m30s -c nginx").unwrap().command
    else {
        panic!("not a report")
    };
    assert_eq!(report.capture.from, Some(PathBuf::from("x")));
    let seconds = |n| Some(Moment::After(Duration::from_secs(n)));
    assert_eq!(report.capture.range, Some(MomentRange { from: seconds(10), to: seconds(90) }));
    let Some(Command::Flame(flame)) = read("flame --record x -o y.svg -d 3").unwrap().command
    else {
        panic!("not a flame graph")
    };
    assert_eq!(flame.capture.record, Some(PathBuf::from("x")));
    for (line, hint) in [
        ("report --from x -d 5", "cannot be used with"),
        ("report --from x --freq 10", "cannot be used with"),
        ("report --from x --include-self", "cannot be used with"),
        ("report --from x --record y", "cannot be used with"),
        ("report --from x --probes opens", "without --from"),
        ("flame --from x -o y.svg -d 5", "cannot be used with"),
        ("report --range 1s..2s", "--from"),
        ("report --from x --range 5s", "10s..20s"),
        ("report --from x --range ..", "10s..20s"),
        ("report --from x --range 9s..3s", "end after it begins"),
        ("report --from x --range 25:00:00..26:00:00", "12:03:10..12:03:40"),
        ("report --range 1s..2s -d 1", "--from"),
        ("flame --range 1s..2s -o x.svg -d 1", "--from"),
    ] {
        assert!(refused(line).contains(hint), "{line}: {}", refused(line));
    }
}

#[test]
fn moments_are_times_since_the_start_or_times_of_day() {
    let after = |millis| Moment::After(Duration::from_millis(millis));
    let at = |hour, minute, second| Moment::At(jiff::civil::time(hour, minute, second, 0));
    for (text, moment) in [
        ("12", after(12_000)),
        ("0", after(0)),
        ("12.5s", after(12_500)),
        ("1m30s", after(90_000)),
        ("12:03:10", at(12, 3, 10)),
        ("01:30", after(90_000)),
        ("62:03", after(3_723_000)),
    ] {
        assert_eq!(values::moment(text), Ok(moment), "{text}");
    }
    for text in ["", "-5s", "noon", "12:", "1:2:3:4", "12:61"] {
        assert!(values::moment(text).is_err(), "{text}");
    }
    let range = |text| values::range(text).unwrap();
    assert_eq!(range("..20s"), MomentRange { from: None, to: Some(after(20_000)) });
    assert_eq!(range("90.."), MomentRange { from: Some(after(90_000)), to: None });
    assert_eq!(range("1.5..2.5"), MomentRange { from: Some(after(1_500)), to: Some(after(2_500)) });
    let day = MomentRange { from: Some(at(12, 3, 10)), to: Some(at(12, 3, 40)) };
    assert_eq!(range("12:03:10..12:03:40"), day);
}

#[test]
fn replay_takes_its_options() {
    let Some(Command::Replay(replay)) =
        read("replay x --speed 2 --at 12s --filter comm:nginx").unwrap().command
    else {
        panic!("not a replay")
    };
    let screen = &replay.screen;
    assert_eq!((screen.speed, screen.size), (2.0, (120, 40)));
    assert_eq!(screen.at, Some(Moment::After(Duration::from_secs(12))));
    let Some(Command::Demo(demo)) = read("demo --keys q --size 80x24").unwrap().command else {
        panic!("not the demo")
    };
    assert_eq!((demo.screen.keys.as_deref(), demo.screen.size), (Some("q"), (80, 24)));
    for (line, hint) in [
        ("replay", "<FILE>"),
        ("replay x --speed 0", "from 0.1 to 100"),
        ("replay x --at noon", "12:03:10"),
        ("replay x --keys q --size 80", "120x40"),
        ("replay x --keys q --size 0x24", "1x1 to 500x500"),
    ] {
        assert!(refused(line).contains(hint), "{line}: {}", refused(line));
    }
}

#[test]
fn times_are_humane() {
    for (text, millis) in
        [("5", 5_000), ("0.5", 500), ("250ms", 250), ("1m30s", 90_000), ("2h", 7_200_000)]
    {
        assert_eq!(values::duration(text), Ok(Duration::from_millis(millis)), "{text}");
    }
    for text in ["", "x", "-5s", "5 bananas", ".", "1.2.3"] {
        assert!(values::duration(text).is_err(), "{text}");
    }
    assert_eq!(values::interval("49ms"), Err("it must be 50ms to 1m".to_owned()));
    assert_eq!(values::interval("50ms"), Ok(Duration::from_millis(50)));
    assert!(values::duration("0").is_err() && values::duration("25h").is_err());
}

#[test]
fn probes_can_be_left_out() {
    assert_eq!(read("").unwrap().live.probes.wanted(), Wanted::PANES);
    assert_eq!(
        read("--probes opens,profile").unwrap().live.probes.probes,
        [ProbeId::Opens, ProbeId::Profile]
    );
    let record = recorded("record -o x --probes offcpu --probes profile");
    assert_eq!(record.probes.wanted(), Wanted::probes([ProbeId::Offcpu, ProbeId::Profile]));
}

#[test]
fn what_is_wrong_is_refused_with_what_would_be_right() {
    for (line, hint) in [
        ("-p nginx", "use --comm nginx"),
        ("-p 0", "a number from 1"),
        ("--filter pdi:12", "did you mean `pid:`"),
        ("--filter pdi:12", "\n    ^^^^"),
        ("--freq 0", "1..=10000"),
        ("--probes disks", "syscalls, opens, offcpu, profile"),
        ("--interval 1ms", "50ms to 1m"),
        ("report -d x", "250ms"),
        ("report --top 0", "from 1"),
        ("--follow-forks", "--pid"),
        ("-p 1 report", "cannot be used with"),
        ("reprot", "report"),
    ] {
        let error = refused(line);
        assert!(error.contains(hint), "{line}: {error}");
    }
    assert_eq!(read("--freq 0").unwrap_err().exit_code(), 2);
}

#[test]
fn options_that_do_not_go_together_are_refused_before_anything_starts() {
    let deep = format!("{}a or b{}", "(".repeat(32), ")".repeat(32));
    let line = |pid: &[&str]| {
        let words = [&["syscope", "--filter", &deep], pid].concat();
        Cli::try_read(words.into_iter().map(OsString::from))
    };
    assert!(line(&[]).is_ok());
    assert!(line(&["-p", "1"]).unwrap_err().to_string().contains("too many parentheses"));
}

#[test]
fn help_teaches_panes_keys_filter_and_exit_statuses() {
    let help = Cli::command().render_long_help().to_string();
    for probe in PROBES {
        assert!(help.contains(probe.title), "{}", probe.name);
    }
    for word in ["Keys:", "Filter", "Examples:", "NO_COLOR", "Exit status:", "syscope doctor"] {
        assert!(help.contains(word), "{word}");
    }
    assert!(!help.contains("inject") && !help.contains("launch"));
    let mut command = Cli::command();
    let record = command.find_subcommand_mut("record").unwrap().render_long_help().to_string();
    for word in ["secrets", "passwords", "--no-cmdline", "0600", "Exit status:"] {
        assert!(record.contains(word), "{word}");
    }
}

#[test]
fn every_shell_has_completions() {
    for shell in clap_complete::Shell::value_variants() {
        let script = String::from_utf8(Cli::completions(*shell)).unwrap();
        assert!(script.contains("follow-forks"), "{shell}");
    }
}

#[test]
fn options_before_a_command_are_told_where_they_stand() {
    for (line, meant) in [
        ("-p 1 report", "'syscope report --pid <PID>'"),
        ("--freq 999 flame -o x.svg", "'syscope flame --freq <HZ>'"),
        ("--json report", "'report --json' exists"),
    ] {
        let text = refused(line);
        assert!(text.contains(meant), "{line}: {text}");
    }
    for line in ["-p 1 doctor", "--interval 1s report", "-p 1 completions bash"] {
        let text = refused(line);
        assert!(text.contains("cannot be used with") && !text.contains("tip:"), "{line}: {text}");
    }
}
