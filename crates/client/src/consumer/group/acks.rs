//! Acknowledging messages of several topics with one call.

use std::sync::Arc;

use super::super::Shared;
use super::super::ack_calls::AckTarget;
use super::super::acknowledge::entry_of;
use super::super::receipts::Part;
use super::Group;
use crate::Error;

impl Group {
    /// Each message goes to the consumer of its topic. The first failure; whatever else there is, is acknowledged.
    pub fn ack_target(&self, target: AckTarget<'_>) -> Result<(), Error> {
        let mut outcome = self.check_open();
        self.for_members(target, |part| {
            let one = part.and_then(|(member, target)| member.ack_target(target, None));
            if outcome.is_ok() {
                outcome = one;
            }
        });
        outcome
    }

    /// The same with a receipt: `done` is told when all parts have theirs.
    pub fn ack_target_with(
        &self,
        target: AckTarget<'_>,
        done: impl FnOnce(Result<(), Error>) + Send + 'static,
    ) {
        let all = Part::first(done);
        self.for_members(target, |part| {
            let one = all.another();
            match part {
                Ok((member, target)) => member.ack_target_with(target, |outcome| one.settle(outcome)),
                Err(error) => one.settle(Err(error)),
            }
        });
        all.settle(self.check_open());
    }

    /// Cuts what is acknowledged into parts of one topic each.
    fn for_members<'t>(
        &self,
        target: AckTarget<'t>,
        mut each: impl FnMut(Result<(Arc<Shared>, AckTarget<'t>), Error>),
    ) {
        match target {
            AckTarget::Message(message) => {
                each(self.member(message.topic()).map(|member| (member, target)));
            }
            AckTarget::Id(id) if entry_of(id).is_none() => {}
            AckTarget::Id(id) => each(self.member_of(id).map(|member| (member, target))),
            AckTarget::Messages(messages) => {
                for run in messages.chunk_by(|one, next| one.topic() == next.topic()) {
                    let member = self.member(run[0].topic());
                    each(member.map(|member| (member, AckTarget::Messages(run))));
                }
            }
            AckTarget::Bulk(messages) => {
                for (topic, messages) in messages.by_topic() {
                    each(self.member(topic).map(|member| (member, AckTarget::Bulk(messages))));
                }
            }
            AckTarget::Ids(ids) => {
                let same = |one: &crate::MessageId, next: &crate::MessageId| {
                    one.topic == next.topic && one.partition == next.partition
                };
                for run in ids.chunk_by(same) {
                    // Those that stand for the ends of a topic mean nothing here.
                    let Some(id) = run.iter().find(|id| entry_of(id).is_some()) else { continue };
                    each(self.member_of(id).map(|member| (member, AckTarget::Ids(run))));
                }
            }
        }
    }
}
