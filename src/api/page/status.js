'use strict';
const byId = (id) => document.getElementById(id);
let status = null;
let received = 0;
const runs = new Map();
const events = [];

function element(tag, text, className) {
  const node = document.createElement(tag);
  if (text !== undefined && text !== null) node.textContent = text;
  if (className) node.className = className;
  return node;
}

function duration(seconds) {
  if (seconds === null || seconds === undefined) return 'unknown';
  if (seconds < 1) return Math.round(seconds * 1000) + ' ms';
  if (seconds < 10) return seconds.toFixed(1) + ' s';
  if (seconds < 120) return Math.round(seconds) + ' s';
  if (seconds < 7200) return Math.round(seconds / 60) + ' min';
  if (seconds < 172800) return Math.round(seconds / 3600) + ' h';
  return Math.round(seconds / 86400) + ' d';
}

const conditionClass = (condition) => ({ok: 'good', moving: 'busy', down: 'bad', exposed: 'warn',
  degraded: 'warn', stalled: 'bad'}[condition] || 'warn');
const healthClass = (health) => ({up: 'good', down: 'bad'}[health] || 'warn');
const runClass = (state) => ({done: 'good', failed: 'bad', waiting: 'warn', aborted: 'warn',
  rolled_back: 'warn'}[state] || 'busy');
const stepMark = {done: '✓ done', skipped: '– skipped', running: '▶ running', failed: '✗ failed',
  awaiting: '‖ waits', retrying: '↻ retrying', undoing: '↶ undoing', undone: '↶ undone',
  pending: '· pending'};

function row(cells) {
  const line = element('tr');
  for (const [text, className] of cells) line.append(element('td', text, className));
  return line;
}

// What was never measured is no figure, and never green.
function forecastCell(service) {
  const next = (service.forecasts || []).find((one) => one.kind === 'failover');
  if (!next) return ['none', 'note'];
  if (next.p95_s === null) return ['unknown: never measured', 'warn'];
  const figure = (next.is_lower_bound ? 'at least ' : '') + duration(next.p50_s) + ', p95 ' +
      duration(next.p95_s);
  const from = ' (' + next.runs + (next.runs === 1 ? ' run)' : ' runs)');
  return [figure + (next.verdict === 'exceeds' ? ': over the RTO' : '') + from,
    {fits: 'good', exceeds: 'bad strong'}[next.verdict] || 'warn'];
}

function serviceRow(service) {
  const move = service.last_move;
  const late = service.rpo_now_s === null ? 'warn' :
      service.rpo_now_s > service.rpo_s ? 'bad strong' : 'good';
  return row([
    [service.id, 'strong'], [service.primary],
    [[service.condition + (service.detail ? ': ' + service.detail : ''), ...service.notices].join('; '),
      conditionClass(service.condition)],
    [duration(service.rpo_now_s), late + ' number'],
    ['RPO ' + duration(service.rpo_s) + ', RTO ' + duration(service.rto_s), 'number note'],
    forecastCell(service),
    [service.mode + (service.mode_reason ? ' (' + service.mode_reason + ')' : ''), 'note'],
    [move ? move.kind + ' to ' + move.to + ', ' + move.status + ', ' + move.at.slice(0, 19) + 'Z' :
        'none', 'note'],
  ]);
}

function componentRows(service) {
  return service.components.flatMap((component) => component.sites.map((site) => row([
    [service.id], [component.id], [site.site],
    [site.role + (site.is_in_sync ? ', in sync' : '') || (site.wanted ? site.healthy + ' of ' + site.wanted : ''), 'note'],
    [site.health, healthClass(site.health)],
    [site.lag_s === null ? '' : duration(site.lag_s), 'number'], [site.detail, 'note'],
  ])));
}

// Only what was restored counts; what was never restored is never green.
function backupRows(service) {
  const stateClass = {protected: 'good', unverified: 'warn', exposed: 'warn'};
  const moment = (time) => time ? time.slice(0, 19).replace('T', ' ') + 'Z' : 'never';
  return service.components.flatMap((component) => (component.backups || []).map((job) => row([
    [service.id], [component.id], [job.repository],
    [job.state, stateClass[job.state] || 'bad strong'],
    [job.last ? moment(job.last.at) : 'never'],
    [job.verified_age_s === null ? 'unknown' : duration(job.verified_age_s) + ' old',
      job.is_protected ? 'good number' : 'warn number'],
    [job.activity ? job.activity + ' now' : job.hold ? 'waits' : moment(job.next)],
    [job.hold || job.detail, 'note'],
  ])));
}

function stepLine(step, run) {
  const line = element('li');
  const running = step.status === 'running' && step.started;
  const took = running ? (Date.now() - Date.parse(step.started)) / 1000 : step.took_s;
  const facts = Object.entries(step.outputs).filter(([, text]) => text).map((fact) => fact.join(' ')).join(', ');
  line.append(
    element('span', stepMark[step.status] || step.status, runClass(step.status)),
    element('span', step.id),
    element('span', step.status === 'pending' ? '' : duration(Math.max(0, took)), 'number'),
    element('span', step.error || facts));
  return line;
}

function runCard(run, isOpen) {
  const card = element('article');
  const cause = run.cause || run;
  const elapsed = run.is_final ? run.took_s : (Date.now() - Date.parse(run.started)) / 1000;
  const title = element('h3', run.kind + ' ' + run.service + ' ' + run.from + ' → ' + run.to + ': ');
  title.append(element('span', run.status, runClass(run.status)));
  title.append(element('span', ' after ' + duration(Math.max(0, elapsed)), 'number'));
  card.append(title);
  card.append(element('div', (cause.summary || '') + (run.reason ? ' — ' + run.reason : ''), 'note'));
  if (isOpen && run.steps) {
    const list = element('ol');
    for (const step of run.steps) list.append(stepLine(step, run));
    card.append(list);
  }
  const link = element('a', run.is_final ? 'report' : run.id);
  link.href = '/api/v1/runs/' + encodeURIComponent(run.id) + '/report';
  card.append(link);
  return card;
}

function headline() {
  const counts = {};
  for (const service of status.services) {
    counts[service.condition] = (counts[service.condition] || 0) + 1;
  }
  const verdict = byId('verdict');
  const worst = ['down', 'stalled', 'moving', 'exposed', 'degraded', 'unknown'].find((name) => counts[name]);
  verdict.className = worst ? conditionClass(worst) : 'good';
  verdict.textContent = worst ?
      Object.entries(counts).map(([name, count]) => count + ' ' + name).join(', ') :
      status.services.length === 1 ? 'The service is ok' : 'All ' + status.services.length + ' services are ok';
  document.title = (worst ? worst + ' · ' : 'ok · ') + status.plan;
}

function draw() {
  if (!status) return;
  byId('plan').textContent = status.plan;
  byId('node').textContent = 'seen from ' + status.site + ' by ' + status.node +
      (status.is_eligible ? '' : ' — abstains: ' + status.why_not_eligible) +
      (status.store_problem ? ' — nothing can be written: ' + status.store_problem : '') +
      (status.has_full_picture ? '' : ' — first picture not complete');
  headline();
  byId('services').replaceChildren(...status.services.map(serviceRow));
  byId('components').replaceChildren(...status.services.flatMap(componentRows));
  const backups = status.services.flatMap(backupRows);
  byId('backups').replaceChildren(...backups);
  byId('backups-section').hidden = backups.length === 0;
  const newest = [...runs.values()].sort((a, b) => a.started < b.started ? 1 : -1).slice(0, 10);
  byId('runs').replaceChildren(...newest.map((run, index) => runCard(run, index === 0 || !run.is_final)));
  if (newest.length === 0) byId('runs').append(element('p', 'none yet', 'note'));
  byId('events').replaceChildren(...events.slice(-40).reverse().map((event) => row([
    [event.at.replace('T', ' ').slice(0, 23), 'time note'],
    [event.name, {error: 'bad', warn: 'warn'}[event.severity]], [event.subject], [event.message],
  ])));
}

function showLink() {
  const link = byId('link');
  const age = (Date.now() - received) / 1000;
  const isStale = received === 0 || age > 30;
  link.className = isStale ? 'bad strong' : 'good';
  link.textContent = received === 0 ? 'connecting …' :
      isStale ? 'STALE: nothing heard for ' + duration(age) : 'live';
}

function listen(name, take) {
  source.addEventListener(name, (message) => {
    received = Date.now();
    take(JSON.parse(message.data));
    showLink();
    draw();
  });
}

const source = new EventSource('/api/v1/stream');
listen('status', (data) => { status = data; });
listen('run', (data) => { runs.set(data.id, data); });
listen('event', (data) => { events.push(data); events.splice(0, Math.max(0, events.length - 200)); });
setInterval(() => { showLink(); draw(); }, 1000);
