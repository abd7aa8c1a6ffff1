#include "plans/vocabulary.h"

#include <utility>

namespace muster::tests {
namespace {

using plan::Field;
using plan::Type;

Field required(std::string name, Type type) {
    return {std::move(name), std::move(type), true, {}};
}

Field optional(std::string name, Type type) {
    return {std::move(name), std::move(type), false, {}};
}

Type argv() {
    Type type = Type::list(Type::text("an argument"), "a command and its arguments");
    type.min = 1;
    return type;
}

Type environment() {
    Type type = Type::map(Type::text("its value"), "variables of the commands");
    type.pattern = "[A-Za-z_][A-Za-z0-9_]{0,62}";
    return type;
}

Type some_texts(std::string doc) {
    Type type = Type::list(Type::text("one"), std::move(doc));
    type.min = 1;
    return type;
}

std::map<std::string, Type> probes() {
    return {
        {"tcp", Type::object({optional("tcp", Type::text("host:port"))}, "a connection opens")},
        {"http", Type::object(
                     {
                         optional("http", Type::text("the URL")),
                         optional("status", Type::integer(100, 599, "the wanted status")),
                         optional("body", Type::text("a text that the body must hold")),
                         optional("slow_after", Type::duration("an answer is slow after")),
                     },
                     "an HTTP answer is good")},
        {"postgres", Type::object(
                         {
                             optional("postgres", Type::text("a connection string")),
                             optional("slow_after", Type::duration("an answer is slow after")),
                         },
                         "a server answers in its role")},
        {"exec", Type::object({optional("exec", argv())}, "a command ends with status 0")},
    };
}

Type custom() {
    std::vector<Field> fields;
    for (const char* hook :
         {"fence", "promote", "scale", "steer", "verify", "demote", "rebuild", "check"}) {
        fields.push_back(optional(hook, argv()));
    }
    fields.push_back(optional(
        "fence_class", Type::one_of({"advisory", "lease", "actuated", "enforced"}, "its proof")));
    return Type::object(std::move(fields), "every hook by command");
}

std::map<std::string, Type> kinds() {
    const Type record = Type::object(
        {
            required("name", Type::text("the full name")),
            required("type", Type::one_of({"A", "AAAA", "CNAME", "TXT"}, "the record's type")),
            required("ttl", Type::duration("how long resolvers may keep it")),
        },
        "the record that is steered");
    return {
        {"postgres",
         Type::object(
             {
                 optional("sync", Type::one_of({"off", "observed", "managed", "true", "false"},
                                               "who makes commits wait")),
                 optional("degrade", Type::text("a duration, or never")),
                 optional("acknowledged",
                          Type::object(
                              {optional("file", Type::text("the ids")), optional("exec", argv()),
                               required("query", Type::text("finds them"))},
                              "the application's own acknowledgements")),
                 optional("rebuild", Type::one_of({"auto", "rewind", "basebackup"}, "how")),
             },
             "a streaming pair")},
        {"servers", Type::object(
                        {
                            required("start", argv()),
                            required("stop", argv()),
                            optional("count", argv()),
                            optional("health_port", Type::integer(1, 65535, "a port")),
                        },
                        "server processes")},
        {"dns", Type::object(
                    {
                        required("record", record),
                        required("answers", Type::map(some_texts("addresses"), "by site")),
                    },
                    "a steered name")},
        {"custom", custom()},
    };
}

std::map<std::string, Type> site_settings() {
    return {
        {"postgres", Type::object(
                         {
                             required("conninfo", Type::text("a connection string")),
                             optional("data", Type::text("the data directory")),
                             optional("bin", Type::text("the programs' directory")),
                             optional("ssh", Type::text("user@host")),
                             optional("run_as", Type::text("the operating system's user")),
                             optional("replication_conninfo", Type::text("for the standby")),
                             optional("fence", argv()),
                             optional("name", Type::text("among the servers")),
                             optional("upstream", Type::text("what it streams from")),
                             optional("more", Type::list(Type::any("a server"), "further servers")),
                         },
                         "a server")},
        {"servers", Type::object(
                        {
                            required("hosts", some_texts("addresses")),
                            optional("ssh", Type::text("user@host")),
                            optional("run_as", Type::text("the operating system's user")),
                            optional("environment", environment()),
                        },
                        "the hosts")},
        {"custom", Type::object({optional("environment", environment())}, "a site")},
    };
}

std::map<std::string, Type> actions() {
    return {
        {"exec", Type::object({required("argv", argv()), optional("environment", environment())},
                              "runs a command")},
        {"http", Type::object({required("url", Type::text("where")),
                               optional("method", Type::one_of({"GET", "POST"}, "how")),
                               optional("status", Type::integer(100, 599, "the wanted status"))},
                              "sends a request")},
        {"approve", Type::object({optional("message", Type::text("what is asked")),
                                  optional("expires", Type::duration("when it is too late"))},
                                 "asks a person")},
        {"wait", Type::object({required("for", Type::duration("how long"))}, "waits")},
    };
}

}  // namespace

plan::Vocabulary plan_vocabulary() {
    return {probes(), kinds(), site_settings(), actions(), {}, {"postgres", "servers", "dns"}};
}

}  // namespace muster::tests
