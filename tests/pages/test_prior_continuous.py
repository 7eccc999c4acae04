"""The part Continuous of the page Prior: fitted when asked for, shipped for two checkpoints, a sentence elsewhere."""

from __future__ import annotations

from explorer import results
from explorer.results.subject import Subject


def texts(app) -> str:
    return "\n".join(str(one.value) for one in [*app.caption, *app.markdown, *app.header, *app.subheader])


def test_a_vae_that_ships_shows_rates_and_samples_at_once(open_app):
    app = open_app("prior", checkpoint="vae-shapes", dataset="shapes")
    assert "Priors of the latent" in texts(app) and "comes nearest to where latents of images lie" in texts(app)
    assert all(name in texts(app) for name in ("Standard normal", "One Gaussian", "Mixture", "Flow"))
    assert not app.warning and not app.info
    app.number_input(key="pick-noise").set_value(3).run()
    assert app.query_params["noise"] in ("3", ["3"])
    assert not app.exception and "What they draw" in texts(app)


def test_numbers_beside_codes_that_ship(open_app):
    app = open_app("prior", checkpoint="projected-shapes", dataset="shapes", part="continuous", drawn="4")
    assert "What stands beside the codes" in texts(app) and "does not determine “scale”" in texts(app)
    assert not app.warning and not app.exception


def test_it_is_fitted_beside_the_page(open_app, studio, monkeypatch):
    started = []
    from explorer import jobs

    monkeypatch.setattr(jobs, "start", lambda arguments, *_, **__: started.append(arguments))
    app = open_app("prior", checkpoint="tiny-vae", part="continuous")
    assert "Fit and judge what can be drawn" in texts(app)
    app.button(key=next(one.key for one in app.button if (one.key or "").startswith("start-"))).click().run()
    assert started and started[0][:2] == ["prior", "continuous"] and not app.exception


def test_too_few_images_and_codes_alone_are_sentences(open_app, visit, studio):
    results.obtain("continuous", Subject(studio.checkpoints / "tiny-vae", str(studio.photos)))
    app = open_app("prior", checkpoint="tiny-vae", part="continuous")
    assert "needs at least 20" in app.info[0].value and not app.exception
    visit(app, "prior", checkpoint="tiny-vqvae", part="continuous", drawn="99", noise="-7")
    assert "nothing continuous beside them" in app.info[0].value and not app.exception
    app.button(key="link-Open vae-shapes, a VAE").click().run()
    assert app.query_params["checkpoint"] in ("vae-shapes", ["vae-shapes"]) and not app.exception
    assert "Priors of the latent" in texts(app)
