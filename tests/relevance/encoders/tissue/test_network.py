"""The network of the tissue encoder, and what its logits mean after calibration."""

from __future__ import annotations

import pytest
import torch

from viewer.relevance.encoders.tissue.card import LOGITS, VECTOR_WIDTH
from viewer.relevance.encoders.tissue.classes import class_indices, tissue_classes
from viewer.relevance.encoders.tissue.network import Calibration, TissueNetwork, normalised
from viewer.relevance.models.efficientnet_lite import fused


@pytest.fixture
def network() -> TissueNetwork:
    torch.manual_seed(0)
    made = TissueNetwork().eval()
    made.projection.normal_()
    made.departure.normal_()
    return made


@torch.inference_mode()
def test_features_are_logits_novelty_and_a_unit_vector(network: TissueNetwork) -> None:
    pixels = normalised(torch.rand(3, 3, 128, 128))

    features = network.features(pixels)

    assert features.shape == (3, LOGITS + 1 + VECTOR_WIDTH)
    assert torch.allclose(features[:, :LOGITS], network(pixels), atol=1e-5)
    assert torch.allclose(features[:, LOGITS + 1 :].norm(dim=1), torch.ones(3), atol=1e-5)
    assert torch.allclose(features[:, LOGITS], network.novelty(network.trunk.early(pixels)), atol=1e-4)


@torch.inference_mode()
def test_folding_normalisation_changes_no_output(network: TissueNetwork) -> None:
    network.train()
    network(normalised(torch.rand(8, 3, 128, 128)))  # other statistics than those of a new network
    network.eval()
    pixels = normalised(torch.rand(2, 3, 128, 128))

    folded = fused(network)

    assert torch.allclose(folded.features(pixels), network.features(pixels), atol=1e-4)
    assert not any(isinstance(one, torch.nn.BatchNorm2d) for one in folded.modules())
    assert any(isinstance(one, torch.nn.BatchNorm2d) for one in network.modules())


def test_classes_compete() -> None:
    logits = torch.randn(20, LOGITS, generator=torch.Generator().manual_seed(1)) * 5

    probabilities = Calibration(2.0, 0.5, -1.0).probabilities(logits)

    assert torch.allclose(probabilities.sum(dim=1), torch.ones(20), atol=1e-5)
    tumour = [one.tumour for one in tissue_classes()]
    expected = torch.sigmoid(logits[:, -1] * 0.5 - 1.0)
    assert torch.allclose(probabilities[:, tumour].sum(dim=1), expected, atol=1e-5)


def test_the_tumour_output_outweighs_the_classes() -> None:
    logits = torch.zeros(1, LOGITS)
    logits[0, class_indices()["carcinoma"]] = 20.0
    logits[0, -1] = -20.0

    assert float(Calibration().probabilities(logits)[0, class_indices()["carcinoma"]]) < 1e-6
