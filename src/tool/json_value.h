// A member of what a server answered, which may be of any type or missing. Pure.
// Tests: tests/unit/tool/json_value_test.cc.
#pragma once

#include <nlohmann/json.hpp>
#include <type_traits>

namespace livehub::tool {

// The member, where `object` is one and has it with that type; else what is given.
template <typename Value>
[[nodiscard]] Value value_in(const nlohmann::json& object, const char* name, Value otherwise) {
  if (!object.is_object()) return otherwise;
  const auto found = object.find(name);
  if (found == object.end()) return otherwise;
  bool is_such = found->is_string();
  if constexpr (std::is_same_v<Value, bool>)
    is_such = found->is_boolean();
  else if constexpr (std::is_unsigned_v<Value>)
    is_such = found->is_number_unsigned();
  else if constexpr (std::is_integral_v<Value>)
    is_such = found->is_number_integer();
  return is_such ? found->template get<Value>() : otherwise;
}

}  // namespace livehub::tool
