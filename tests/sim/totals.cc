#include "totals.h"

namespace livehub::sim {
namespace {

using Lines = std::vector<std::pair<std::string, uint64_t>>;

template <typename Counts>
struct Named {
  const char* name;  // before whose it is
  uint64_t Counts::*number;
};

constexpr Named<PubSubCounts> kOfPubSub[] = {{"messages at ", &PubSubCounts::published},
                                             {"lost with ", &PubSubCounts::lost},
                                             {"cuts of ", &PubSubCounts::cuts},
                                             {"wedges of ", &PubSubCounts::stalls},
                                             {"garbage from ", &PubSubCounts::garbage},
                                             {"gaps told by ", &PubSubCounts::gaps},
                                             {"joins refused by ", &PubSubCounts::refusals}};

constexpr Named<HttpCounts> kOfHttp[] = {{"calls to ", &HttpCounts::calls},
                                         {"good answers of ", &HttpCounts::good},
                                         {"refusals of ", &HttpCounts::statuses},
                                         {"calls hung up on by ", &HttpCounts::closed},
                                         {"time-outs of ", &HttpCounts::stalled},
                                         {"garbage from ", &HttpCounts::garbage},
                                         {"calls that did not get to ", &HttpCounts::rejected},
                                         {"answers to who had left from ", &HttpCounts::late},
                                         {"calls that a stop ended to ", &HttpCounts::stopped},
                                         {"calls held by ", &HttpCounts::held}};

template <typename Counts, size_t N>
void add_named(Counts& to, const Counts& from, const Named<Counts> (&all)[N]) {
  for (const auto& [name, number] : all) to.*number += from.*number;
}

template <typename Counts, size_t N>
void add_lines(Lines& lines, const std::string& whose, const Counts& counts,
               const Named<Counts> (&all)[N]) {
  for (const auto& [name, number] : all) lines.emplace_back(name + whose, counts.*number);
}

template <typename Counts, size_t N>
void add_all(Counts& to, const Counts& from, uint64_t Counts::*const (&numbers)[N]) {
  for (const auto number : numbers) to.*number += from.*number;
}

}  // namespace

void Totals::add(const Totals& other) {
  constexpr uint64_t Totals::*kNumbers[] = {
      &Totals::runs,    &Totals::steps,         &Totals::turns,        &Totals::engines,
      &Totals::pushes,  &Totals::deliveries,    &Totals::connects,     &Totals::cuts,
      &Totals::resumes, &Totals::gaps,          &Totals::told_ends,    &Totals::untold_ends,
      &Totals::refused, &Totals::busy,          &Totals::pings,        &Totals::lapped,
      &Totals::copied,  &Totals::waits,         &Totals::windows,      &Totals::local_resumes,
      &Totals::hot,     &Totals::memory_resets, &Totals::dead_peers,   &Totals::drained,
      &Totals::fed,     &Totals::fed_again,     &Totals::fed_in_vain,  &Totals::waits_over,
      &Totals::held,    &Totals::told,          &Totals::rows_changed, &Totals::changes_told,
      &Totals::row_gaps};
  add_all(*this, other, kNumbers);
  constexpr uint64_t BrokerCounts::*kOfBroker[] = {
      &BrokerCounts::appended, &BrokerCounts::refused, &BrokerCounts::cuts,  &BrokerCounts::stalls,
      &BrokerCounts::garbage,  &BrokerCounts::again,   &BrokerCounts::trims, &BrokerCounts::gaps,
      &BrokerCounts::fetches,  &BrokerCounts::refusals};
  add_all(broker, other.broker, kOfBroker);
  add_named(chat_backend, other.chat_backend, kOfHttp);
  add_named(drop_backend, other.drop_backend, kOfHttp);
  add_named(nats, other.nats, kOfPubSub);
  add_named(postgres, other.postgres, kOfPubSub);
  constexpr uint64_t DropCounts::*kOfDrop[] = {&DropCounts::snapshots, &DropCounts::messages,
                                               &DropCounts::lists, &DropCounts::lost_bootstraps,
                                               &DropCounts::changes};
  add_all(drop, other.drop, kOfDrop);
  nats.news += other.nats.news;
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
  add_lines(made, "nats", nats, kOfPubSub);
  add_lines(made, "postgres", postgres, kOfPubSub);
  add_lines(made, "the chat's backend", chat_backend, kOfHttp);
  add_lines(made, "the drops' backend", drop_backend, kOfHttp);
  for (size_t i = 0; i < std::size(faults); ++i)
    made.emplace_back(io::sim_fault_name(static_cast<io::SimFault>(i)), faults[i]);
  return made;
}

}  // namespace livehub::sim
