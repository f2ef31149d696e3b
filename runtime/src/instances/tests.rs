use super::*;

fn among(me: &str, alive: &[&str]) -> Instances {
    let now = Instant::now();
    let alive = alive.iter().map(|name| (*name).to_owned()).collect();
    let known = watch::Sender::new(Known { alive, from: now, until: now + ALIVE });
    Instances(Arc::new(Inner { me: me.to_owned(), store: None, known }))
}

fn done_by(instances: &Instances, name: &str) -> Vec<u32> {
    (0..9).filter(|number| instances.does(Work { name, number: *number })).collect()
}

#[test]
fn each_piece_of_work_is_one_instance_s_and_they_are_shared_out_evenly() {
    let names = ["a", "b", "c"];
    for work in ["inbox", "relay", "view:Names"] {
        let mut all: Vec<u32> = Vec::new();
        for name in names {
            let done = done_by(&among(name, &names), work);
            assert_eq!(done.len(), 3, "{name} does {done:?}");
            all.extend(done);
        }
        all.sort_unstable();
        assert_eq!(all, (0..9).collect::<Vec<_>>());
    }
}

#[test]
fn what_one_did_is_done_by_the_others_when_it_is_gone() {
    let left = ["a", "c"];
    let all: usize = left.iter().map(|name| done_by(&among(name, &left), "inbox").len()).sum();
    assert_eq!(all, 9);
}

#[tokio::test]
async fn who_could_not_beat_in_time_or_has_not_settled_does_nothing() {
    let one = among("a", &["a"]);
    assert_eq!(done_by(&one, "inbox").len(), 9);
    one.0.known.send_modify(|known| known.until = Instant::now());
    assert!(done_by(&one, "inbox").is_empty());
    let waiting = one.clone();
    let waiting = tokio::spawn(async move { waiting.until(|one| one.does(Work { name: "inbox", number: 0 })).await });
    one.0.known.send_modify(|known| known.until = Instant::now() + ALIVE);
    waiting.await.unwrap();
    one.0.known.send_modify(|known| known.from = Instant::now() + SETTLING);
    assert!(done_by(&one, "inbox").is_empty());
}

#[test]
fn processes_of_this_machine_are_known_to_have_ended() {
    let Some(me) = process::me() else { return };
    assert!(!process::has_ended(&me));
    let (machine, _) = me.rsplit_once(' ').unwrap();
    assert!(process::has_ended(&format!("{machine} 4194305")), "beyond the largest id");
    assert!(!process::has_ended("another machine 4194305"));
}
