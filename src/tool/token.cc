// livehub token: a test token, so that a client can be tried without its application.
#include "tool/token.h"

#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "tool/commands.h"
#include "tool/printer.h"
#include "tool/secret.h"
#include "wire/json_gate.h"

namespace livehub::tool {
namespace {

constexpr size_t kSecretBytesMax = 4096;

std::string read_first_line() {
  std::string text(kSecretBytesMax, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), stdin));
  return text.substr(0, text.find_first_of("\r\n"));
}

// "name=text" or "name:=json"; false if it is neither.
bool add_claim(nlohmann::ordered_json& claims, const std::string& word) {
  const size_t equals = word.find('=');
  if (equals == std::string::npos || equals == 0) return false;
  const bool is_json = word[equals - 1] == ':';
  const std::string name = word.substr(0, is_json ? equals - 1 : equals);
  if (name.empty()) return false;
  const std::string text = word.substr(equals + 1);
  if (!is_json) {
    claims[name] = text;
    return true;
  }
  nlohmann::ordered_json value = nlohmann::ordered_json::parse(text, nullptr, false);
  if (value.is_discarded()) return false;
  claims[name] = std::move(value);
  return true;
}

Secret secret_of(const Invocation& invocation) {
  if (invocation.has("--stdin")) return {read_first_line(), {}};
  return read_secret(invocation, invocation.text("--secret-name", "JWT_SECRET"));
}

int run_token(const Invocation& invocation) {
  std::string error;
  const double seconds = number_of(invocation, "--expires", 3600, -1e9, 1e9, error);
  if (!error.empty()) return usage_error("token", error);
  nlohmann::ordered_json claims = nlohmann::ordered_json::object();
  for (const std::string& word : invocation.operands)
    if (!add_claim(claims, word))
      return usage_error("token", "a claim is name=text or name:=json, as in sub=me or level:=3.");
  const Secret secret = secret_of(invocation);
  if (!secret.error.empty()) return usage_error("token", secret.error);
  if (secret.text.empty())
    return usage_error("token", "no secret: set " + invocation.text("--secret-name", "JWT_SECRET") +
                                    " (or the same with _FILE), or use --stdin.");
  const int64_t now = base::unix_ms() / 1000;
  if (!claims.contains("iat")) claims["iat"] = now;
  if (!claims.contains("exp")) claims["exp"] = now + static_cast<int64_t>(seconds);
  const std::string dumped =
      claims.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  return print_line(make_token(dumped, secret.text, invocation.text("--key-id"))) ? kExitOk
                                                                                  : kExitFailed;
}

constexpr std::array kOptions = {
    Option{.name = "--expires",
           .value = "SECONDS",
           .help = "From now; negative makes one that has expired [3600]."},
    Option{.name = "--key-id", .value = "ID", .help = "The header's kid."},
    Option{.name = "--secret-name",
           .value = "NAME",
           .help = "The variable that holds the secret (or NAME_FILE its file) [JWT_SECRET]."},
    Option{.name = "--stdin", .help = "Read the secret from standard input instead."},
};

constexpr std::string_view kAbout =
    R"(Signs with HS256. Claims are name=text or name:=json; iat and exp are added unless given.

Examples
  JWT_SECRET_FILE=secret livehub token userId=u1 chatId=c1
  livehub token --secret-name WEBSOCKET_JWT_SECRET iss=papr-app aud=papr-realtime userId=u1
)";

}  // namespace

std::string base64url(std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string out;
  uint32_t held = 0;
  int bits = 0;
  for (const char c : bytes) {
    held = held << 8 | static_cast<unsigned char>(c);
    for (bits += 8; bits >= 6; bits -= 6) out += kDigits[held >> (bits - 6) & 63];
  }
  if (bits > 0) out += kDigits[held << (6 - bits) & 63];
  return out;
}

std::string make_token(std::string_view claims, std::string_view secret, std::string_view key_id) {
  std::string head = R"({"alg":"HS256","typ":"JWT")";
  if (!key_id.empty()) head += ",\"kid\":" + wire::json_quote(key_id);
  const std::string text = base64url(head + "}") + "." + base64url(claims);
  const auto digest = hmac_sha256(secret, text);
  return text + "." + base64url({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

const Command kToken = {.name = "token",
                        .operands = "CLAIM...",
                        .summary = "Make a JSON web token for a test.",
                        .about = kAbout,
                        .options = kOptions,
                        .operands_most = 64,
                        .run = run_token};

}  // namespace livehub::tool
