// One line on a terminal that says what a run is doing; nothing elsewhere. mailbox: the sampling
// thread adds its figures to what the scenario said last.
#pragma once

#include <string>

namespace livehub::bench {

void show_progress(const std::string& phase);   // empty: the line goes away
void show_figures(const std::string& figures);  // behind the phase
std::string current_phase();

}  // namespace livehub::bench
