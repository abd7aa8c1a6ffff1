#include "adapters/log/spdlog_log.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <algorithm>
#include <array>

namespace muster::adapters {
namespace {

struct LevelName {
    Level level;
    std::string_view name;
    spdlog::level::level_enum spdlog;
};
constexpr std::array kLevels{
    LevelName{Level::kDebug, "debug", spdlog::level::debug},
    LevelName{Level::kInfo, "info", spdlog::level::info},
    LevelName{Level::kWarn, "warn", spdlog::level::warn},
    LevelName{Level::kError, "error", spdlog::level::err},
};

const LevelName& name_of(Level level) {
    return kLevels.at(static_cast<std::size_t>(level));
}

bool is_plain(std::string_view value) {
    return !value.empty() && std::ranges::all_of(value, [](unsigned char c) {
        return c > ' ' && c != 0x7f && c != '"' && c != '\\' && c != '=';
    });
}

// As JSON quotes, and also what a terminal would act on: DEL and the C1 controls (UTF-8: C2 80-9F).
std::string quoted(std::string_view value) {
    constexpr std::string_view kHex = "0123456789abcdef";
    std::string out = "\"";
    bool is_after_c2 = false;
    for (const char c : value) {
        const auto byte = static_cast<unsigned char>(c);
        const bool is_c1 = is_after_c2 && byte >= 0x80 && byte < 0xa0;
        if (is_c1) {
            out.pop_back();
        }
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (c == '\n') {
            out += "\\n";
        } else if (c == '\r') {
            out += "\\r";
        } else if (c == '\t') {
            out += "\\t";
        } else if (byte < ' ' || byte == 0x7f || is_c1) {
            out += "\\u00";
            out += kHex[byte >> 4U];
            out += kHex[byte & 0xfU];
        } else {
            out += c;
        }
        is_after_c2 = byte == 0xc2;
    }
    return out + "\"";
}

bool has_control(std::string_view value) {
    for (std::size_t i = 0; i + 1 < value.size(); ++i) {
        const auto next = static_cast<unsigned char>(value[i + 1]);
        if (static_cast<unsigned char>(value[i]) == 0xc2 && next >= 0x80 && next < 0xa0) {
            return true;
        }
    }
    return false;
}

std::string as_text(const std::string& time, Level level, std::string_view event,
                    std::span<const LogField> fields) {
    std::string line = time + " " + std::string(name_of(level).name);
    line.resize(time.size() + 1 + 6, ' ');
    line += event;
    for (const auto& field : fields) {
        const bool is_bare = is_plain(field.value) && !has_control(field.value);
        line += " " + std::string(field.key) + "=" + (is_bare ? field.value : quoted(field.value));
    }
    return line;
}

std::string as_json(const std::string& time, Level level, std::string_view event,
                    std::span<const LogField> fields) {
    std::string line = R"({"time":")" + time + R"(","level":")" + std::string(name_of(level).name) +
                       R"(","event":)" + quoted(event);
    for (const auto& field : fields) {
        line += "," + quoted(field.key) + ":" + quoted(field.value);
    }
    return line + "}";
}

}  // namespace

struct SpdlogLog::Sink {
    explicit Sink(spdlog::sink_ptr sink) : logger("muster", std::move(sink)) {
        logger.set_pattern("%v");
        logger.set_level(spdlog::level::trace);
        logger.flush_on(spdlog::level::trace);
        // A full disk or a closed terminal under the log must not end a recovery.
        logger.set_error_handler([](const std::string& /*what*/) {});
    }
    spdlog::logger logger;
};

SpdlogLog::SpdlogLog(Clock& clock, Options options)
    : clock_(clock),
      options_(options),
      sink_(std::make_unique<Sink>(std::make_shared<spdlog::sinks::stderr_sink_mt>())) {
}

SpdlogLog::SpdlogLog(Clock& clock, Options options, std::ostream& out)
    : clock_(clock),
      options_(options),
      sink_(std::make_unique<Sink>(std::make_shared<spdlog::sinks::ostream_sink_mt>(out))) {
}

SpdlogLog::~SpdlogLog() = default;

void SpdlogLog::write(Level level, std::string_view event, std::span<const LogField> fields) {
    if (level < options_.least) {
        return;
    }
    const auto time = format_wall(clock_.wall());
    const auto line = options_.format == Format::kJson ? as_json(time, level, event, fields)
                                                       : as_text(time, level, event, fields);
    sink_->logger.log(name_of(level).spdlog, spdlog::string_view_t(line.data(), line.size()));
}

Result<Level> parse_level(std::string_view name) {
    for (const auto& each : kLevels) {
        if (each.name == name) {
            return each.level;
        }
    }
    return Error{Errc::kInvalid, "\"" + std::string(name) + "\" is not a log level",
                 "use debug, info, warn or error"};
}

}  // namespace muster::adapters
