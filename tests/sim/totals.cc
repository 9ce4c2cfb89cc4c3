#include "totals.h"

namespace livehub::sim {
namespace {

void add(HttpCounts& to, const HttpCounts& from) {
  constexpr uint64_t HttpCounts::*kNumbers[] = {
      &HttpCounts::calls,   &HttpCounts::good,    &HttpCounts::statuses, &HttpCounts::closed,
      &HttpCounts::stalled, &HttpCounts::garbage, &HttpCounts::rejected, &HttpCounts::late,
      &HttpCounts::stopped, &HttpCounts::held};
  for (const auto number : kNumbers) to.*number += from.*number;
}

void add(PubSubCounts& to, const PubSubCounts& from) {
  constexpr uint64_t PubSubCounts::*kNumbers[] = {
      &PubSubCounts::published, &PubSubCounts::lost, &PubSubCounts::cuts,    &PubSubCounts::stalls,
      &PubSubCounts::garbage,   &PubSubCounts::gaps, &PubSubCounts::refusals};
  for (const auto number : kNumbers) to.*number += from.*number;
}

using Lines = std::vector<std::pair<std::string, uint64_t>>;

void add_lines(Lines& lines, const std::string& whose, const PubSubCounts& counts) {
  const std::pair<const char*, uint64_t> made[] = {{"messages at ", counts.published},
                                                   {"lost with ", counts.lost},
                                                   {"cuts of ", counts.cuts},
                                                   {"wedges of ", counts.stalls},
                                                   {"garbage from ", counts.garbage},
                                                   {"gaps told by ", counts.gaps},
                                                   {"joins refused by ", counts.refusals}};
  for (const auto& [name, number] : made) lines.emplace_back(name + whose, number);
}

void add_lines(Lines& lines, const std::string& whose, const HttpCounts& counts) {
  const std::pair<const char*, uint64_t> made[] = {{"calls to ", counts.calls},
                                                   {"good answers of ", counts.good},
                                                   {"refusals of ", counts.statuses},
                                                   {"calls hung up on by ", counts.closed},
                                                   {"time-outs of ", counts.stalled},
                                                   {"garbage from ", counts.garbage},
                                                   {"calls that did not get to ", counts.rejected},
                                                   {"answers to who had left from ", counts.late},
                                                   {"calls that a stop ended to ", counts.stopped},
                                                   {"calls held by ", counts.held}};
  for (const auto& [name, number] : made) lines.emplace_back(name + whose, number);
}

}  // namespace

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
  sim::add(chat_backend, other.chat_backend);
  sim::add(drop_backend, other.drop_backend);
  sim::add(nats, other.nats);
  sim::add(postgres, other.postgres);
  constexpr uint64_t DropCounts::*kOfDrop[] = {&DropCounts::snapshots, &DropCounts::messages,
                                               &DropCounts::lists, &DropCounts::lost_bootstraps,
                                               &DropCounts::changes};
  for (const auto number : kOfDrop) drop.*number += other.drop.*number;
  told += other.told;
  nats.news += other.nats.news;
  rows_changed += other.rows_changed;
  changes_told += other.changes_told;
  row_gaps += other.row_gaps;
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
      {"senders told", told},
      {"changes in drops", drop.changes},
      {"snapshots of drops", drop.snapshots},
      {"messages of drops", drop.messages},
      {"lists of drops", drop.lists},
      {"bootstraps that failed", drop.lost_bootstraps},
      {"news of drops", nats.news},
      {"rows changed", rows_changed},
      {"changes told", changes_told},
      {"gaps told to their users", row_gaps},
      {"answers of 2xx", answers[2]},
      {"of 4xx", answers[4]},
      {"of 5xx", answers[5]}};
  add_lines(made, "nats", nats);
  add_lines(made, "postgres", postgres);
  add_lines(made, "the chat's backend", chat_backend);
  add_lines(made, "the drops' backend", drop_backend);
  for (size_t i = 0; i < std::size(faults); ++i)
    made.emplace_back(io::sim_fault_name(static_cast<io::SimFault>(i)), faults[i]);
  return made;
}

}  // namespace livehub::sim
