#include "world.h"

namespace livehub::sim {

void Totals::add(const Totals& other) {
  constexpr uint64_t Totals::*kNumbers[] = {
      &Totals::runs,    &Totals::steps,         &Totals::turns,       &Totals::engines,
      &Totals::pushes,  &Totals::deliveries,    &Totals::connects,    &Totals::cuts,
      &Totals::resumes, &Totals::gaps,          &Totals::told_ends,   &Totals::untold_ends,
      &Totals::refused, &Totals::busy,          &Totals::pings,       &Totals::lapped,
      &Totals::copied,  &Totals::waits,         &Totals::windows,     &Totals::local_resumes,
      &Totals::hot,     &Totals::memory_resets, &Totals::dead_peers,  &Totals::drained,
      &Totals::fed,     &Totals::fed_again,     &Totals::fed_in_vain, &Totals::waits_over,
      &Totals::held};
  for (const auto number : kNumbers) this->*number += other.*number;
  constexpr uint64_t BrokerCounts::*kOfBroker[] = {
      &BrokerCounts::appended, &BrokerCounts::refused, &BrokerCounts::cuts,  &BrokerCounts::stalls,
      &BrokerCounts::garbage,  &BrokerCounts::again,   &BrokerCounts::trims, &BrokerCounts::gaps,
      &BrokerCounts::fetches,  &BrokerCounts::refusals};
  for (const auto number : kOfBroker) broker.*number += other.broker.*number;
  constexpr uint64_t BackendCounts::*kOfBackend[] = {
      &BackendCounts::calls,    &BackendCounts::saved,   &BackendCounts::statuses,
      &BackendCounts::closed,   &BackendCounts::stalled, &BackendCounts::garbage,
      &BackendCounts::rejected, &BackendCounts::late,    &BackendCounts::stopped,
      &BackendCounts::held};
  for (const auto number : kOfBackend) backend.*number += other.backend.*number;
  told += other.told;
  for (size_t i = 0; i < std::size(answers); ++i) answers[i] += other.answers[i];
  for (size_t i = 0; i < std::size(faults); ++i) faults[i] += other.faults[i];
  simulated_ns += other.simulated_ns;
}

std::vector<std::pair<std::string, uint64_t>> Totals::lines() const {
  std::vector<std::pair<std::string, uint64_t>> made = {
      {"runs", runs},
      {"steps", steps},
      {"turns", turns},
      {"lives of a server", engines},
      {"simulated minutes", static_cast<uint64_t>(simulated_ns / 60'000'000'000)},
      {"pushes", pushes},
      {"deliveries", deliveries},
      {"connections", connects},
      {"cuts by clients", cuts},
      {"resumes", resumes},
      {"gaps told", gaps},
      {"ends told", told_ends},
      {"ends untold in the chaos", untold_ends},
      {"streams refused", refused},
      {"publishes refused as busy", busy},
      {"pings and heartbeats", pings},
      {"laps", lapped},
      {"remainders copied", copied},
      {"waits for room", waits},
      {"replay windows", windows},
      {"local resumes", local_resumes},
      {"turns with hot streams", hot},
      {"resets for memory", memory_resets},
      {"dead peers found", dead_peers},
      {"drained", drained},
      {"messages fed", fed},
      {"fed again", fed_again},
      {"fed in vain", fed_in_vain},
      {"joins that did not wait for the broker", waits_over},
      {"resumes held", held},
      {"messages at the broker", broker.appended},
      {"pushes it refused", broker.refused},
      {"links it cut", broker.cuts},
      {"links that wedged", broker.stalls},
      {"garbage from it", broker.garbage},
      {"repeats from it", broker.again},
      {"its trims", broker.trims},
      {"gaps it told", broker.gaps},
      {"fetches from it", broker.fetches},
      {"joins it refused", broker.refusals},
      {"calls to the backend", backend.calls},
      {"saved by it", backend.saved},
      {"its refusals", backend.statuses},
      {"calls it hung up on", backend.closed},
      {"calls it let time out", backend.stalled},
      {"garbage it answered", backend.garbage},
      {"calls that did not get to it", backend.rejected},
      {"its answers to clients that had left", backend.late},
      {"calls that a stop ended", backend.stopped},
      {"calls held while others went on", backend.held},
      {"senders told", told},
      {"answers of 2xx", answers[2]},
      {"of 4xx", answers[4]},
      {"of 5xx", answers[5]}};
  for (size_t i = 0; i < std::size(faults); ++i)
    made.emplace_back(io::sim_fault_name(static_cast<io::SimFault>(i)), faults[i]);
  return made;
}

}  // namespace livehub::sim
