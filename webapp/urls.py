"""The site map."""

from django.contrib.auth import views as auth
from django.urls import URLPattern, URLResolver, path, re_path, register_converter
from django.views.decorators.http import require_http_methods, require_POST
from django.views.generic import RedirectView

from webapp.api import urls as api_urls
from webapp.auth import admin
from webapp.live import views as live_views
from webapp.pages import coverage, home, login, players, queries, results, run, runs, system
from webapp.pages.cells import views as cell_views
from webapp.pages.date import views as date_views
from webapp.pages.guide import views as guide_views
from webapp.pages.job import compare, control, diff
from webapp.pages.job import list as job_list
from webapp.pages.job import views as job_views
from webapp.pages.load import views as load_views
from webapp.pages.new_backfill import views as new_backfill_views
from webapp.pages.rates import views as rates_views
from webapp.pages.retry import views as retry_views
from webapp.pages.triage import views as triage_views
from webapp.pages.versions import views as version_views
from webapp.ui import converters

register_converter(converters.IsoDateConverter, "day")
register_converter(converters.EntityConverter, "entity")

handler403 = "webapp.pages.errors.forbidden"
handler404 = "webapp.pages.errors.not_found"
handler500 = "webapp.pages.errors.broken"

# The address of the previous release.
TOKENS_MOVED = RedirectView.as_view(
    pattern_name="tokens", permanent=True, http_method_names=["get", "head"]
)

home_urls = [
    path("live/", live_views.menu, name="live"),
    path("", home.page, name="home"),
]

rates_urls = [
    path("rates/", rates_views.page, name="rates"),
    path("rates/entities/", rates_views.entities, name="rates_entities"),
    path("results/", results.page, name="results"),
]

cells_urls = [
    path("cells/", cell_views.bar, name="cells"),
    path("cells/why/", cell_views.why, name="cells_why"),
    path("cells/validate/", cell_views.validation, name="cells_validate"),
]

dates_urls = [
    path("dates/", date_views.pick, name="dates"),
    path("dates/<day:day>/", date_views.page, name="date"),
    path("dates/<day:day>/validation/", date_views.validation, name="date_validation"),
    path("dates/<day:day>/versions/", version_views.of_date, name="versions"),
    path(
        "dates/<day:day>/versions/<slug:code>/<slug:version>/",
        version_views.restore,
        name="version_restore",
    ),
    path("dates/<day:day>/run/<str:code>/", date_views.run, name="date_run"),
    path(
        "dates/<day:day>/neighbors/<str:code>/<entity:name>/",
        date_views.neighbors,
        name="entity_neighbors",
    ),
    path("dates/<day:day>/<str:code>.csv", date_views.download, name="entities_csv"),
    path("dates/<day:day>/<str:code>/", date_views.entities, name="entities"),
    path("dates/<day:day>/<str:code>/<entity:name>/", date_views.entity, name="entity"),
    path("dates/<path:text>/", date_views.malformed),
]

players_urls = [
    path("players/", players.page, name="players"),
    path("players/<str:year>/<entity:name>/", players.player, name="player"),
]

new_urls = [
    path("backfills/new/", new_backfill_views.page, name="backfill_new"),
    path("backfills/new/preview/", new_backfill_views.preview, name="backfill_preview"),
    path("backfills/new/plan/", new_backfill_views.plan, name="backfill_plan"),
    path("backfills/new/presets/", new_backfill_views.save, name="backfill_preset"),
    path(
        "backfills/new/launches/<int:pk>/<str:verb>/",
        new_backfill_views.decide,
        name="backfill_decide",
    ),
]

jobs_urls = [
    path("jobs/", job_list.page, name="jobs"),
    path("jobs/<int:number>/", job_views.page, name="job"),
    path("jobs/<int:number>/events/", job_views.events, name="job_events"),
    path("jobs/<int:number>/groups/", job_views.groups, name="job_groups"),
    path("jobs/<int:number>/<slug:processor>/<day:day>/", run.of_job, name="job_run"),
    path("jobs/<int:number>/pause/", control.pause, name="job_pause"),
    path("jobs/<int:number>/resume/", control.resume, name="job_resume"),
    path("jobs/<int:number>/cancel/", control.cancel, name="job_cancel"),
    path("jobs/<int:number>/limit/", control.limit, name="job_limit"),
    path("jobs/<int:number>/undo/", version_views.undo, name="job_undo"),
    path("jobs/<int:number>/diff/", diff.page, name="job_diff"),
    path("jobs/<int:number>/diff/values/", diff.values, name="job_diff_values"),
    re_path(
        r"^jobs/(?P<number>[0-9]{1,18})/diff\.(?P<kind>csv|json)$",
        diff.download,
        name="job_diff_file",
    ),
    path("jobs/<int:number>/compare/", compare.pick, name="job_compare"),
    path("jobs/<int:number>/compare/<int:other>/", compare.compare, name="job_comparison"),
    re_path(
        r"^jobs/(?P<number>[0-9]{1,18})/report\.(?P<kind>csv|json)$",
        compare.report,
        name="job_report",
    ),
]

triage_urls = [
    path("triage/", triage_views.page, name="triage"),
    path("triage/audit/", triage_views.run_audit, name="triage_audit"),
    path("triage/mark/", triage_views.mark, name="triage_mark"),
    path("triage/<int:pk>/", triage_views.finding, name="finding"),
    path("triage/<int:pk>/rows/", triage_views.source_rows, name="finding_rows"),
    path("triage/<int:pk>/evidence/", triage_views.evidence, name="finding_evidence"),
]

retry_urls = [
    path("jobs/<int:pk>/retry/", retry_views.page, name="retry"),
    path("retry/", retry_views.season, name="retries"),
]

coverage_urls = [path("coverage/", coverage.page, name="coverage")]

runs_urls = [
    path("runs/", runs.page, name="runs"),
    path("runs.csv", runs.download, name="runs_csv"),
    path("runs/<int:pk>/", run.page, name="run"),
    path("runs/<int:pk>/log/", run.log, name="run_log"),
    path("runs/<int:pk>/log.txt", run.download, name="run_log_text"),
    path("runs/<int:pk>/errors/", run.errors, name="run_errors"),
]

load_urls = [
    path("load/", load_views.page, name="load"),
    path("load/upload/", load_views.upload, name="load_upload"),
    path("load/preview/", load_views.show, name="load_preview"),
    path("load/start/", load_views.start, name="load_start"),
    path("load/remove/", load_views.remove, name="load_remove"),
]

queries_urls = [
    path("queries/", queries.page, name="queries"),
    path("queries/<slug:name>/", queries.query, name="query"),
    path("queries/<slug:name>.csv", queries.download, name="query_csv"),
]

guide_urls = [
    path("guide/", guide_views.page, name="guide"),
    path("guide/<slug:topic>/", guide_views.topic, name="topic"),
]

system_urls = [
    path("system/", system.page, name="system"),
    path("system/batch-limit/", system.batch_limit, name="system_batch_limit"),
    path("tokens/", TOKENS_MOVED, name="tokens_moved"),
    path("system/tokens/", system.tokens, name="tokens"),
    path("system/tokens/<int:pk>/revoke/", system.revoke_token, name="token_revoke"),
    path("system/tokens/<int:pk>/renew/", system.renew_token, name="token_renew"),
]

# Django's own views would answer PUT and OPTIONS too.
reads_and_posts = require_http_methods(["GET", "HEAD", "POST"])

login_urls = [
    path(
        "login/",
        reads_and_posts(login.LoginView.as_view()),
        name="login",
    ),
    path("logout/", require_POST(auth.LogoutView.as_view()), name="logout"),
    path(
        "password/",
        reads_and_posts(
            auth.PasswordChangeView.as_view(template_name="login/password.html", success_url="/")
        ),
        name="password",
    ),
]

urlpatterns: list[URLPattern | URLResolver] = [
    *home_urls,
    *cells_urls,
    *rates_urls,
    *dates_urls,
    *players_urls,
    *new_urls,
    *jobs_urls,
    *triage_urls,
    *retry_urls,
    *coverage_urls,
    *runs_urls,
    *load_urls,
    *queries_urls,
    *guide_urls,
    *system_urls,
    *login_urls,
    *admin.urlpatterns,
    *api_urls.urlpatterns,
]
