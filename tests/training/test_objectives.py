"""Every term of the reconstruction loss: known answers, training with it, and what is said where it cannot be had."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch.nn import functional as F

from explorer import checkpoints
from explorer.errors import BadInput
from explorer.models import MODELS, build
from explorer.models.backbones import BACKBONES
from explorer.models.vqvae import QUANTIZERS
from explorer.training import states
from explorer.training.objectives import TERMS, VGG_STAGES, Objective, Summand, discriminator, parse

SMALL = {
    "hidden": 8, "residual_blocks": 1, "residual_channels": 4, "downsample": 4, "codes": 16, "dim": 8, "width": 16
}  # fmt: skip
WITH_LOSS = [
    name for name, entry in MODELS.items() if "loss" in {field.name for field in dataclasses.fields(entry.config)}
]
COMPARING = [term for term in TERMS if term != "adversarial"]


def tiny(family, image_size=16, **settings):
    torch.manual_seed(0)
    fields = {field.name for field in dataclasses.fields(MODELS[family].config)}
    return build(family, {**{k: v for k, v in SMALL.items() if k in fields}, **settings}, image_size)


def pictures(seed=0, size=16, count=4):
    coarse = torch.rand(count, 3, 4, 4, generator=torch.Generator().manual_seed(seed))
    return F.interpolate(coarse, size, mode="bilinear")


@pytest.fixture(scope="session")
def vgg():
    """A state dict of VGG-16's shapes; only its convolutions, which are all that is looked at."""
    from torchvision.models import vgg16

    with torch.device("meta"):
        shapes = {name: value.shape for name, value in vgg16(weights=None).state_dict().items() if "features" in name}
    generator = torch.Generator().manual_seed(0)
    return {
        name: torch.randn(shape, generator=generator) * (2 / shape[1:].numel()) ** 0.5 if len(shape) == 4 else
        torch.zeros(shape)
        for name, shape in shapes.items()
    }  # fmt: skip


@pytest.fixture
def weights(monkeypatch, vgg):
    monkeypatch.setattr("torch.hub.load_state_dict_from_url", lambda *_, **__: vgg)


@pytest.fixture
def features(tmp_path, monkeypatch):
    """The name of a tiny checkpoint for images of 32 pixels, found under EXPLORER_CHECKPOINTS."""
    monkeypatch.setenv("EXPLORER_CHECKPOINTS", str(tmp_path))
    model = tiny("vqvae2", 32)
    checkpoints.save(
        tmp_path / "tiny-net", model, family="vqvae2", dataset="shapes", training={}, metrics={}, card=""
    )  # fmt: skip
    return "tiny-net"


def written(term, features):
    return f"peco({features})" if term == "peco" else f"mse+0.1*{term}" if term == "adversarial" else term


# -- every term


@pytest.mark.parametrize("term", COMPARING)
def test_what_is_the_same_costs_nothing_and_what_is_far_off_costs_most(term, weights, features):
    objective = Objective(written(term, features), 16)
    target = pictures() * 2 - 1
    perfect, near, far = (
        float(objective(output, target)["reconstruction"])
        for output in (target, target + 0.05 * torch.randn_like(target), pictures(1) * 2 - 1)
    )
    assert perfect == pytest.approx(0, abs=1e-5)
    assert perfect < near < far


@pytest.mark.parametrize("term", TERMS)
@pytest.mark.parametrize("family", WITH_LOSS)
def test_every_term_trains_every_family(family, term, weights, features):
    objective = Objective(written(term, features), 16)
    model, images = tiny(family).train(), pictures()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    history = []
    for step in range(6):
        objective.anneal(step / 6)
        torch.manual_seed(0)
        losses = model(images, objective=objective)
        optimizer.zero_grad()
        losses["loss"].backward()
        if step == 0:
            for part in (model.encoder, model.decoder):
                gradients = [p.grad for p in part.parameters()]
                assert all(g.isfinite().all() for g in gradients) and any(g.abs().sum() > 0 for g in gradients)
        optimizer.step()
        objective.learn()
        history.append(float(losses["reconstruction"].detach()))
    if term != "adversarial":  # its opponent learns too
        assert history[-1] < history[0]
    assert all(torch.isfinite(p).all() for p in model.parameters())


@pytest.mark.parametrize("quantizer", QUANTIZERS)
@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("family", ["vqvae", "vqvae2"])
def test_every_term_reaches_every_backbone_through_every_quantizer(family, backbone, quantizer, weights, features):
    images = pictures()
    for term in TERMS:
        objective = Objective(written(term, features), 16)
        model = tiny(family, backbone=backbone, quantizer=quantizer).train()
        objective.anneal(1.0)
        losses = model(images, objective=objective)
        losses["reconstruction"].backward()
        reached = [p.grad for p in (*model.encoder.parameters(), *model.decoder.parameters()) if p.grad is not None]
        assert all(gradient.isfinite().all() for gradient in reached), term
        for part in (model.encoder, model.decoder):
            assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in part.parameters()), (term, part)


@pytest.mark.parametrize("family", WITH_LOSS)
def test_each_of_several_terms_has_its_own_weighted_curve(family):
    model, images = tiny(family).eval(), pictures()
    outputs = []

    def objective(output, target):
        outputs.append((output.detach(), target))
        return Objective("mse+0.5*l1", 16)(output, target)

    losses = model(images, objective=objective)
    output, target = outputs[0]
    scale = target[0].numel() if family == "vae" else 1  # a VAE's is a likelihood of the whole image
    assert float(losses["mse"].detach()) == pytest.approx(scale * float(F.mse_loss(output, target)), rel=1e-5)
    assert float(losses["l1"].detach()) == pytest.approx(scale * 0.5 * float(F.l1_loss(output, target)), rel=1e-5)
    torch.testing.assert_close(losses["reconstruction"], losses["mse"] + losses["l1"])
    assert "mse" not in model(images, objective=Objective("mse", 16))


# -- known answers


def test_squared_and_absolute_errors_by_hand():
    target = torch.zeros(1, 3, 2, 2)
    output = torch.tensor([1.0, -0.5, 0.0, 0.0]).view(1, 1, 2, 2).expand(1, 3, 2, 2)
    found = Objective("mse+2*l1", 2)(output, target)
    assert float(found["mse"]) == pytest.approx((1 + 0.25) / 4)
    assert float(found["l1"]) == pytest.approx(2 * (1 + 0.5) / 4)
    assert float(found["reconstruction"]) == pytest.approx(1.25 / 4 + 2 * 1.5 / 4)


@pytest.mark.parametrize("size", [176, 192])
def test_structural_similarity_of_all_scales_is_that_of_torchmetrics(size):
    from torchmetrics.functional.image import multiscale_structural_similarity_index_measure as ms_ssim

    target = pictures(0, size, 2)
    output = (target + 0.1 * torch.randn(target.shape, generator=torch.Generator().manual_seed(1))).clamp(0, 1)
    ours = Objective("ms_ssim", size)(output * 2 - 1, target * 2 - 1)["reconstruction"]
    assert float(ours) == pytest.approx(1 - float(ms_ssim(output, target, data_range=1.0)), abs=1e-4)
    assert 0.01 < float(ours) < 0.9


@pytest.mark.parametrize("size", [11, 16, 24, 32, 48, 64, 88, 96, 100, 128])
def test_smaller_images_have_fewer_scales(size):
    target = pictures(0, size, 1) * 2 - 1
    output = (target + 0.2 * torch.randn_like(target)).requires_grad_()
    loss = Objective("ms-ssim", size)(output, target)["reconstruction"]
    loss.backward()
    assert 0 < float(loss.detach()) < 1 and output.grad.abs().sum() > 0


def test_a_scale_that_disagrees_leaves_the_others_their_gradient():
    target = pictures(0, 32) * 2 - 1
    checks = (torch.arange(32)[:, None] + torch.arange(32)) % 2 * 0.6 - 0.3
    output = (0.5 * target - checks).requires_grad_()
    loss = Objective("ms_ssim", 32)(output, 0.5 * target + checks)["reconstruction"]
    loss.backward()
    assert output.grad.isfinite().all() and output.grad.abs().sum() > 0


def test_structural_similarity_is_as_precise_in_a_training_of_half_precision():
    target = pictures(0, 64) * 2 - 1
    output = target + 0.1 * torch.randn(target.shape, generator=torch.Generator().manual_seed(1))
    objective = Objective("ms_ssim", 64)
    exact = objective(output, target)["reconstruction"]
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(objective(output, target)["reconstruction"], exact)


# -- perceptual


def test_perceptual_is_the_distance_of_unit_features_by_hand(weights, vgg):
    from torchvision.models import vgg16

    output, target = pictures(1) * 2 - 1, pictures() * 2 - 1
    network = vgg16(weights=None, init_weights=False).features
    network.load_state_dict({name.removeprefix("features."): value for name, value in vgg.items()})
    distances = []
    a, b = ((x / 2 + 0.5 - torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1))
            / torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1) for x in (output, target))  # fmt: skip
    with torch.inference_mode():
        for start, end in zip((0, *VGG_STAGES), VGG_STAGES, strict=False):
            a, b = network[start:end](a), network[start:end](b)
            unit = [x / x.norm(dim=1, keepdim=True).clamp_min(1e-12) for x in (a, b)]
            distances.append((unit[0] - unit[1]).square().sum(1).mean())
    expected = torch.stack(distances).mean()
    torch.testing.assert_close(Objective("perceptual", 16)(output, target)["reconstruction"], expected)


@pytest.mark.parametrize("error", [OSError("no route to host"), RuntimeError("invalid hash value\nmore"), EOFError()])
def test_perceptual_without_its_weights_names_the_alternative(monkeypatch, error):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr("torch.hub.load_state_dict_from_url", fail)
    with pytest.raises(BadInput, match=r"weights of VGG-16, which cannot be had from .*use peco\(CHECKPOINT\)") as said:
        Objective("mse+0.1*perceptual", 32)
    assert "\n" not in str(said.value)


def test_weights_of_another_network_are_refused(monkeypatch):
    monkeypatch.setattr("torch.hub.load_state_dict_from_url", lambda *_, **__: {"features.0.weight": torch.zeros(1)})
    with pytest.raises(BadInput, match=r"weights of VGG-16.*use peco\(CHECKPOINT\)"):
        Objective("perceptual", 32)


@pytest.mark.parametrize("term", ["perceptual", "ms_ssim"])
def test_images_that_are_too_small_are_refused(term, weights):
    with pytest.raises(BadInput, match=f"image size 8 is too small for {term}"):
        Objective(term, 8)


# -- peco


def test_features_of_a_checkpoint_are_all_its_layers(features):
    output, target = pictures(1, 32) * 2 - 1, pictures(0, 32) * 2 - 1
    network = checkpoints.load(checkpoints.resolve(features))
    with torch.inference_mode():
        a, b = (network.encode(x / 2 + 0.5) for x in (output, target))
    distances = [(F.normalize(a[layer], dim=-1) - F.normalize(b[layer], dim=-1)).square().sum(-1).mean() for layer in a]
    assert len(distances) == 2
    found = Objective(f"peco({features})", 32)(output, target)["reconstruction"]
    torch.testing.assert_close(found, torch.stack(distances).mean())


def test_a_path_stays_as_it_is_written(features, tmp_path):
    (tmp_path / features).rename(tmp_path / "my+own MS-SSIM net")
    path = tmp_path / "my+own MS-SSIM net"
    assert parse(f"mse + 0.1 * peco( {path} )")[1] == Summand(0.1, "peco", str(path))
    Objective(f"peco({path})", 16)


def test_an_unknown_checkpoint_lists_the_choices(features):
    with pytest.raises(BadInput, match=r"no checkpoint 'nosuch'; choose from .*tiny-net"):
        Objective("peco(nosuch)", 16)


def test_networks_that_are_compared_by_are_not_trained(features, weights):
    for text in (f"peco({features})", "perceptual"):
        objective = Objective(text, 16)
        assert not list(objective.parameters())
        frozen = next(iter(objective.terms.values())).network
        assert not frozen.training and not any(p.requires_grad for p in frozen.parameters())


# -- adversarial


def test_the_discriminator_is_off_before_its_time():
    objective = Objective("mse+0.5*adversarial", 16, adversarial_from=0.3)
    model, images = tiny("vqvae").train(), pictures()
    before = {name: value.clone() for name, value in objective.discriminator.state_dict().items()}
    for share, active in ((0.0, False), (0.29, False), (0.3, True), (1.0, True)):
        objective.anneal(share)
        losses = model(images, objective=objective)
        assert ("adversarial" in losses) == active
        assert ("discriminator" in objective.learn()) == active
        same = all(torch.equal(value, before[name]) for name, value in objective.discriminator.state_dict().items())
        assert same != active


def test_the_discriminator_learns_to_tell():
    torch.manual_seed(0)
    objective = Objective("mse+adversarial", 16)
    real, fake = pictures() * 2 - 1, torch.zeros(4, 3, 16, 16)
    losses = []
    for _ in range(30):
        objective.anneal(1.0)
        objective(fake, real)
        losses.append(float(objective.learn()["discriminator"]))
    assert losses[0] > 0.8 and losses[-1] < 0.5 * losses[0]
    assert objective.discriminator(real).mean() > objective.discriminator(fake).mean()
    assert objective.learn() == {}  # there is nothing new to learn from


def test_its_gradient_is_balanced_with_that_of_the_other_terms():
    """Equation 7: on the output, the weighted gradients are as long as the weight says."""
    torch.manual_seed(0)
    objective = Objective("mse+0.25*adversarial", 16)
    objective.anneal(1.0)
    output = pictures(1).requires_grad_()
    found = objective(output, pictures())
    ours, theirs = (torch.autograd.grad(found[name], output, retain_graph=True)[0] for name in ("mse", "adversarial"))
    assert float(theirs.norm() / ours.norm()) == pytest.approx(0.25, rel=1e-4)
    assert all(p.grad is None for p in objective.discriminator.parameters())


def test_a_step_down_its_loss_looks_more_real():
    torch.manual_seed(0)
    objective = Objective("mse+adversarial", 16)
    objective.anneal(1.0)
    output = pictures(1).requires_grad_()
    (downhill,) = torch.autograd.grad(objective(output, pictures())["adversarial"], output)
    with torch.no_grad():
        verdicts = [objective.discriminator(x).mean() for x in (output, output - 0.1 * downhill / downhill.norm())]
    assert verdicts[1] > verdicts[0]


@pytest.mark.parametrize("size, cells", [(4, 2), (8, 4), (16, 4), (32, 4), (64, 8), (256, 32)])
def test_verdicts_are_of_patches(size, cells):
    assert discriminator(size, 8)(torch.zeros(2, 3, size, size)).shape == (2, 1, cells, cells)


def test_its_state_is_kept_and_goes_on_the_same_to_the_bit(tmp_path):
    def begin():
        torch.manual_seed(0)
        objective = Objective("mse+adversarial", 16)
        objective.anneal(1.0)
        model = tiny("vqvae").train()
        return model, torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True), objective

    def steps(run, count):
        model, optimizer, objective = run
        for _ in range(count):
            torch.manual_seed(0)
            model(pictures(), objective=objective)["loss"].backward()
            optimizer.step()
            optimizer.zero_grad()
            objective.learn()
            model.started()

    whole, parts = begin(), begin()
    steps(whole, 3)
    kept = states.collect(*whole)
    assert any(name.startswith("adversary.") for name in kept)
    assert any(name.startswith("adversary-optimizer.") for name in kept)
    states.save(tmp_path / "state", 3, kept)
    step, kept = states.load(tmp_path / "state")
    assert step == 3
    states.restore(kept, *parts)
    parts[0].started()
    steps(whole, 2)
    steps(parts, 2)
    ours, theirs = states.collect(*whole), states.collect(*parts)
    assert ours.keys() == theirs.keys()
    assert not [name for name in ours if not torch.equal(ours[name], theirs[name])]
