#include "adapters/action/all_actions.h"

#include "adapters/action/exec_action.h"
#include "adapters/action/http_action.h"
#include "adapters/action/notify_action.h"
#include "adapters/action/sql_action.h"

namespace muster::adapters {
namespace {

template <class Action>
void add(workflow::Actions& actions, const ActionDeps& deps) {
    actions.add(std::string(Action::kType), Action::parameters(), std::make_unique<Action>(deps));
}

}  // namespace

// Sorted; the only place that lists them.
void add_all_actions(workflow::Actions& actions, const ActionDeps& deps) {
    add<ExecAction>(actions, deps);
    add<HttpAction>(actions, deps);
    add<NotifyAction>(actions, deps);
    add<SqlAction>(actions, deps);
}

}  // namespace muster::adapters
